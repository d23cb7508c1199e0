import { createServer } from 'node:net';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePorts } from '../support/freePorts.ts';
import { launchStack, type Stack, type StackOptions } from '../support/stack.ts';
import { until } from '../support/until.ts';

describe('make start that cannot', () => {
  let directory: string;
  let launched: Stack[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'monitoring-no-start-'));
    launched = [];
  });

  afterEach(async () => {
    for (const stack of launched) await stack.destroy();
    rmSync(directory, { recursive: true, force: true });
  });

  async function launch(options: StackOptions): Promise<Stack> {
    const stack = await launchStack(options);
    launched.push(stack);
    return stack;
  }

  /** What the failed start says: exactly one line, apart from make's own about the exit code. */
  async function sentenceOf(options: StackOptions): Promise<string> {
    const stack = await launch(options);
    const { code } = await stack.exited;
    expect(code).not.toBe(0);
    const lines = stack.stderr().trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^make: \*\*\* .* Error 1$/);
    expect(stack.processes()).toEqual({});
    return lines[0] ?? '';
  }

  it.each([
    ['PORT', 'the API'],
    ['POSTGRES_PORT', 'Postgres'],
    ['TEMPORAL_PORT', 'Temporal'],
    ['TEMPORAL_UI_PORT', 'the Temporal UI'],
  ])('should name a taken port and its variable: %s', async (variable, use) => {
    const [port = 0] = await freePorts(1);
    const squatter = createServer().listen(port, '127.0.0.1');
    try {
      expect(await sentenceOf({ dataDir: directory, env: { [variable]: String(port) } })).toBe(
        `Port ${port} for ${use} is taken by another program: stop that program, or set ${variable} to another port.`,
      );
    } finally {
      squatter.close();
    }
  });

  it('should say when DATA_DIR is a file', async () => {
    const dataDir = join(directory, 'file');
    writeFileSync(dataDir, 'I am a file.');
    expect(await sentenceOf({ dataDir })).toMatch(
      new RegExp(`^DATA_DIR ${dataDir} is not a directory .*: .*\\.$`),
    );
  });

  it('should say when DATA_DIR cannot be written', async () => {
    // /sys takes no directory from anybody, root included.
    const dataDir = join('/sys', 'monitoring-data');
    expect(await sentenceOf({ dataDir })).toMatch(
      /^DATA_DIR \/sys\/monitoring-data (may not be written|is on a read-only).*\.$/,
    );
  });

  it('should say when the cluster is damaged', async () => {
    mkdirSync(join(directory, 'postgres', 'base'), { recursive: true });
    expect(await sentenceOf({ dataDir: directory })).toContain(
      `The database cluster in ${directory}/postgres cannot be opened (PG_VERSION is missing; log: ${directory}/logs/postgres.log)`,
    );
  });

  it('should name a setting that is not usable', async () => {
    expect(await sentenceOf({ dataDir: directory, env: { DATABASE_URL: 'mysql://somewhere' } })).toMatch(
      /^DATABASE_URL is not usable: .*\.$/,
    );
  });

  it('should say when there is no way to get a Temporal server', async () => {
    expect(await sentenceOf({ dataDir: directory, env: { TEMPORAL_CLI_PATH: '/bin/false' } })).toMatch(
      /^TEMPORAL_CLI_PATH is \/bin\/false, which is not a Temporal CLI that runs: .*\.$/,
    );
  });

  it('should say within 10 s that a server it was given cannot be reached', async () => {
    const [port = 0] = await freePorts(1);
    const [postgres, temporal] = await Promise.all([
      sentenceOf({
        dataDir: join(directory, 'one'),
        env: { DATABASE_URL: `postgresql://somebody:secret@127.0.0.1:${port}/nothing` },
      }),
      sentenceOf({ dataDir: join(directory, 'two'), env: { TEMPORAL_ADDRESS: `127.0.0.1:${port}` } }),
    ]);
    expect(postgres).toMatch(/^Postgres at 127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\): .*\.$/);
    expect(temporal).toMatch(/^Temporal at 127\.0\.0\.1:\d+ cannot be reached \(.*\): .*\.$/);
  });

  it('should leave nothing behind when it is stopped while it creates the cluster, and start later', async () => {
    const stack = await launch({ dataDir: directory });
    await until(() => 'initdb' in stack.processes(), { everyMs: 5, what: 'initdb' });
    await stack.stop('SIGTERM');
    expect(stack.processes()).toEqual({});
    expect(readdirSync(directory).filter((name) => name.includes('incomplete'))).toEqual([]);

    const again = await launch({ dataDir: directory });
    await again.untilHealthy();
    // A make that is killed cannot hand anything on; its pipes close when the last of the stack is gone.
    await again.stop('SIGKILL');
    expect(again.processes()).toEqual({});
    expect(again.stdout()).toContain('Stopping (make is gone)');
  }, 60_000);
});
