import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  TEMPORAL_CLI_VERSION,
  findTemporalServer,
  type FindServerOptions,
} from '../../temporal/findServer.ts';
import {
  serveFakeDownload,
  serveSilence,
  writeFakeCli,
  writeProgram,
  type FakeDownload,
} from '../support/fakeDownload.ts';
import { freePorts } from '../support/freePorts.ts';

describe('findTemporalServer', () => {
  let directory: string;
  let onPath: string;
  let cached: string;
  let notes: string[];
  let sources: FakeDownload[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'find-server-'));
    onPath = join(directory, 'bin');
    mkdirSync(onPath);
    // What our way needs and the fakes use, but neither Go nor a Temporal that this machine may have.
    for (const tool of ['tar', 'gzip', 'sleep', 'chmod']) {
      symlinkSync(
        execFileSync('/bin/sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(),
        join(onPath, tool),
      );
    }
    cached = join(
      directory,
      'cache',
      'monitoring-server',
      `temporal-cli-${TEMPORAL_CLI_VERSION}`,
      'temporal',
    );
    notes = [];
    sources = [];
  });

  afterEach(async () => {
    await Promise.all(sources.map((source) => source.close()));
    rmSync(directory, { recursive: true, force: true });
  });

  async function find(
    options: FindServerOptions = {},
    environment: Record<string, string> = {},
  ): Promise<string> {
    return findTemporalServer({
      environment: {
        PATH: onPath,
        HOME: directory,
        XDG_CACHE_HOME: join(directory, 'cache'),
        ...environment,
      },
      onProgress: (message) => notes.push(message),
      ...options,
    });
  }

  async function source(kind: 'answers' | 'is silent' | 'refuses'): Promise<string> {
    if (kind === 'refuses') return `http://127.0.0.1:${(await freePorts(1))[0] ?? 0}`;
    const served = await (kind === 'answers' ? serveFakeDownload(directory) : serveSilence());
    sources.push(served);
    return served.baseUrl;
  }

  function writeCached(): void {
    mkdirSync(join(cached, '..'), { recursive: true });
    writeFakeCli(cached);
  }

  it('should take TEMPORAL_CLI_PATH before the PATH, and the PATH before the cache', async () => {
    const named = writeFakeCli(join(directory, 'my-temporal'));
    const found = writeFakeCli(join(onPath, 'temporal'));
    writeCached();
    expect(await find({}, { TEMPORAL_CLI_PATH: named })).toBe(named);
    expect(await find()).toBe(found);
    rmSync(found);
    expect(await find()).toBe(cached);
    expect(notes).toEqual([]);
  });

  it('should not look further when TEMPORAL_CLI_PATH is no Temporal CLI', async () => {
    writeCached();
    await expect(find({}, { TEMPORAL_CLI_PATH: '/bin/ls' })).rejects.toThrow(
      'TEMPORAL_CLI_PATH is /bin/ls, which is not',
    );
  });

  it('should pass over what is called temporal and is something else', async () => {
    writeProgram(join(onPath, 'temporal'), 'echo "a temporal thing"');
    writeCached();
    expect(await find()).toBe(cached);
  });

  it('should download the program as the SDKs do, and find it cached the next time', async () => {
    const downloadBaseUrl = await source('answers');
    expect(await find({ downloadBaseUrl })).toBe(cached);
    const [info, archive] = sources[0]?.requests ?? [];
    const arch = process.arch === 'x64' ? 'amd64' : process.arch;
    expect(info).toBe(`/cli/v1.5.1?arch=${arch}&platform=${process.platform}&format=tar.gz`);
    expect(archive).toBe('/archive');
    expect(notes).toEqual([expect.stringMatching(/^downloading Temporal 1\.5\.1/)]);
    expect(await find({ downloadBaseUrl })).toBe(cached);
    expect(sources[0]?.requests).toHaveLength(2);
    expect(readdirSync(join(cached, '..'))).toEqual(['temporal']);
  });

  it('should download once when two starts want it at the same moment', async () => {
    const downloadBaseUrl = await source('answers');
    expect(await Promise.all([find({ downloadBaseUrl }), find({ downloadBaseUrl })])).toEqual([
      cached,
      cached,
    ]);
    expect(sources[0]?.requests.filter((url) => url === '/archive')).toHaveLength(1);
  });

  it('should build with Go when nothing can be downloaded', async () => {
    writeProgram(
      join(onPath, 'go'),
      `if [ "$1" = install ]; then printf '#!/bin/sh\\necho temporal version 1.5.1' > "$GOBIN/temporal"; chmod +x "$GOBIN/temporal"; fi`,
    );
    expect(await find({ downloadBaseUrl: await source('refuses') })).toBe(cached);
    expect(notes).toEqual([
      expect.stringMatching(
        /^Temporal cannot be downloaded: 127\.0\.0\.1:\d+ does not give it \(ECONNREFUSED\)$/,
      ),
      'building Temporal with Go, 0 s (takes about 3 minutes on 2 cores, once)',
    ]);
  });

  it('should give each source up within 5 s that does not answer, and say what to do in the end', async () => {
    writeProgram(join(onPath, 'go'), 'exec sleep 60');
    const began = performance.now();
    await expect(find({ downloadBaseUrl: await source('is silent') })).rejects.toThrow(
      /^No Temporal server could be found, downloaded or built: install Go .*\.$/,
    );
    expect(performance.now() - began).toBeLessThan(12_000);
    expect(notes).toEqual([
      expect.stringMatching(/^Temporal cannot be downloaded: .* \(no answer within 5 s\)$/),
      'Temporal cannot be built: the Go module proxy does not answer within 5 s',
    ]);
    expect(readdirSync(join(cached, '..'))).toEqual([]);
  });

  it('should not keep a program that does not run here', async () => {
    writeProgram(join(onPath, 'go'), `if [ "$1" = install ]; then echo garbage > "$GOBIN/temporal"; fi`);
    await expect(find({ downloadBaseUrl: await source('refuses') })).rejects.toThrow(
      'No Temporal server could be found',
    );
    expect(notes.at(-1)).toBe('Temporal cannot be built: what came does not run on this machine');
    expect(readdirSync(join(cached, '..'))).toEqual([]);
  });

  it('should say that there is no Go', async () => {
    await expect(find({ downloadBaseUrl: await source('refuses') })).rejects.toThrow(
      'install Go 1.25 or newer',
    );
    expect(notes.at(-1)).toBe('Temporal cannot be built: there is no Go on this machine');
  });

  it('should end at once when the start is called off', async () => {
    writeProgram(join(onPath, 'go'), 'exec sleep 60');
    const off = new AbortController();
    const going = find({
      downloadBaseUrl: await source('refuses'),
      signal: off.signal,
      track: () => off.abort(new Error('never mind')),
    });
    await expect(going).rejects.toThrow('never mind');
  });

  it('should say when the cache cannot be written', async () => {
    writeFileSync(join(directory, 'cache'), 'a file in its place');
    await expect(find()).rejects.toThrow(/^Temporal cannot be installed because .* set XDG_CACHE_HOME/);
  });
});
