import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cachedBundle, type CachedBundleOptions } from '../../../temporal/cachedBundle.ts';
import { bundleElsewhere } from '../../../temporal/bundleElsewhere.ts';
import { bundleKey } from '../../../temporal/bundleKey.ts';

describe('the cached workflow bundle', () => {
  let parent: string;
  let directory: string;
  let made: number;
  let failures: unknown[];

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'monitoring-bundle-'));
    directory = join(parent, 'cache');
    made = 0;
    failures = [];
  });

  afterEach(() => {
    rmSync(parent, { recursive: true, force: true });
  });

  function take(overrides: Partial<CachedBundleOptions> = {}): Promise<string> {
    return cachedBundle({
      directory,
      signal: new AbortController().signal,
      onCacheFailure: (error) => failures.push(error),
      key: 'k1',
      make: async () => {
        made += 1;
        return Promise.resolve(`code ${made} äöü 👋`);
      },
      ...overrides,
    });
  }

  function onlyFile(): string {
    const files = readdirSync(directory);
    expect(files).toHaveLength(1);
    return join(directory, files[0] ?? '');
  }

  it('should be made once and be read by later starts', async () => {
    expect(await take()).toBe('code 1 äöü 👋');
    expect(await take()).toBe('code 1 äöü 👋');
    expect(made).toBe(1);
    expect(failures).toEqual([]);
    onlyFile();
  });

  it('should be made anew when its sources have changed, and take the place of the old one', async () => {
    await take();
    expect(await take({ key: 'k2' })).toBe('code 2 äöü 👋');
    expect(onlyFile()).toContain('k2');
  });

  it.each([
    ['cut short', (file: string) => truncateSync(file, readFileSync(file).length - 3)],
    ['empty', (file: string) => truncateSync(file, 0)],
    ['changed', (file: string) => writeFileSync(file, readFileSync(file, 'utf8').replace('code', 'evil'))],
    ['binary rubbish', (file: string) => writeFileSync(file, Buffer.alloc(5_000, 0xff))],
  ])('should be made anew when its file is %s', async (_what, damage) => {
    await take();
    damage(onlyFile());
    expect(await take()).toBe('code 2 äöü 👋');
    expect(await take()).toBe('code 2 äöü 👋');
  });

  it('should be made by one of many that start at once', async () => {
    const slowly = async (): Promise<string> => {
      made += 1;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return `made by ${made}`;
    };
    const codes = await Promise.all(Array.from({ length: 8 }, () => take({ make: slowly })));
    expect(new Set(codes)).toEqual(new Set(['made by 1']));
    expect(made).toBe(1);
    onlyFile();
  });

  it('should be made by the next when the one that was making it has failed or was killed', async () => {
    await expect(take({ make: () => Promise.reject(new Error('out of memory')) })).rejects.toThrow(
      'out of memory',
    );
    // A lock whose holder is gone: no process started at that time has that number.
    writeFileSync(
      join(directory, 'workflows-k1.lock'),
      JSON.stringify({ pid: 9_999_999, startedAt: 'long ago' }),
    );
    expect(await take()).toBe('code 1 äöü 👋');
    onlyFile();
  });

  it('should be made for this start alone where the cache cannot be written', async () => {
    writeFileSync(directory, 'a file where the directory belongs');
    expect(await take()).toBe('code 1 äöü 👋');
    expect(await take()).toBe('code 2 äöü 👋');
    expect(failures).toHaveLength(2);
  });

  it('should stop waiting for another maker when it is told to', async () => {
    const first = Promise.withResolvers<string>();
    const making = take({ make: () => first.promise });
    const stop = new AbortController();
    const waiting = take({ signal: stop.signal });
    stop.abort(new Error('the worker is being stopped'));
    await expect(waiting).rejects.toThrow('the worker is being stopped');
    first.resolve('done');
    expect(await making).toBe('done');
  });

  it('should hold all workflows, mapped to their sources but without copies of them', async () => {
    const code = await bundleElsewhere(new AbortController().signal);
    expect(code).toContain('function httpTarget');
    const [, map = ''] = code.split('sourceMappingURL=data:application/json;charset=utf-8;base64,');
    const { sources, sourcesContent } = JSON.parse(Buffer.from(map, 'base64').toString()) as {
      sources: string[];
      sourcesContent?: string[];
    };
    expect(sources.some((path) => path.endsWith('src/workflows/httpTarget.ts'))).toBe(true);
    expect(sourcesContent).toBeUndefined();
    expect(code.length).toBeLessThan(1_500_000);
  });

  it('should end its process when it is told to', async () => {
    const stop = new AbortController();
    const bundling = bundleElsewhere(stop.signal);
    stop.abort();
    await expect(bundling).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('should be named by what goes into it', () => {
    const root = join(parent, 'checkout');
    const write = (file: string, text: string): void => writeFileSync(join(root, file), text);
    for (const path of ['', 'src/workflows', 'src/domain', 'src/api']) {
      mkdirSync(join(root, path), { recursive: true });
    }
    write('src/workflows/index.ts', 'export {}');
    const first = bundleKey(root);
    write('src/api/app.ts', 'no part of a workflow');
    expect(bundleKey(root)).toBe(first);
    write('src/domain/check.ts', 'export {}');
    const second = bundleKey(root);
    expect(second).not.toBe(first);
    write('package-lock.json', '{}');
    expect(bundleKey(root)).not.toBe(second);
  });
});
