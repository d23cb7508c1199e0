import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Exit } from '../../../src/start/childProcess.ts';
import { Service, type Runnable } from '../../../src/start/service.ts';
import { watchTemporal } from '../../../src/start/watchTemporal.ts';
import { until } from '../../support/until.ts';

/** A process that ends when the test says so. */
function fakeRunnable(): Runnable & { readonly crash: () => void } {
  const { promise: exited, resolve } = Promise.withResolvers<Exit>();
  const stop = (): Promise<void> => {
    resolve({ code: 0, signal: null });
    return Promise.resolve();
  };
  return { pid: 1, exited, stop, crash: () => resolve({ code: 7, signal: null }) };
}

describe('a service of the stack', () => {
  let directory: string;
  let stopping: AbortController;
  let said: string[];
  let runs: ReturnType<typeof fakeRunnable>[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'service-'));
    stopping = new AbortController();
    said = [];
    runs = [];
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  function service(run = (): Promise<Runnable> => Promise.resolve(begin())): Service {
    return new Service({
      name: 'Thing',
      logFile: join(directory, 'thing.log'),
      say: (line) => said.push(line.trim()),
      stopping: stopping.signal,
      run,
    });
  }

  function begin(): Runnable {
    const runnable = fakeRunnable();
    runs.push(runnable);
    return runnable;
  }

  it('should be started again when it crashes, and say so', async () => {
    const thing = service();
    await thing.start();
    thing.stackIsUp();
    runs[0]?.crash();
    await until(() => runs.length === 2);
    await until(() => said.length === 2);
    expect(said).toEqual([
      `! Thing ended (exit code 7; log: ${directory}/thing.log), restarting in 1 s`,
      '✓ Thing runs again',
    ]);
    await thing.stop({ withinMs: 100 });
    expect(runs).toHaveLength(2);
  });

  it('should be given up after three crashes in a row before the stack is up', async () => {
    const thing = service(() => {
      const runnable = fakeRunnable();
      runs.push(runnable);
      queueMicrotask(runnable.crash);
      return Promise.resolve(runnable);
    });
    await thing.start();
    await expect(thing.givenUp).rejects.toThrow(
      `Thing ended 3 times in a row while starting (exit code 7): see its log, ${directory}/thing.log.`,
    );
    expect(runs).toHaveLength(3);
  });

  it('should not be started again while the stack is ending', async () => {
    const thing = service();
    await thing.start();
    stopping.abort(new Error('the end'));
    runs[0]?.crash();
    await thing.stop({ withinMs: 100 });
    expect(runs).toHaveLength(1);
    expect(said).toEqual([]);
  });

  it('should be stoppable while it is starting', async () => {
    const thing = service(
      () =>
        new Promise((_resolve, reject) =>
          stopping.signal.addEventListener('abort', () => reject(new Error('off'))),
        ),
    );
    const started = thing.start();
    stopping.abort();
    await expect(started).rejects.toThrow('off');
    await thing.stop({ withinMs: 100 });
  });
});

describe('the watch over Temporal', () => {
  it('should restart it after three failures in a row, and only then', async () => {
    const end = new AbortController();
    const outcomes = ['fails', 'fails', 'works', 'fails', 'fails', 'fails', 'works'];
    const restart = jest.fn(() => Promise.resolve());
    let touches = 0;
    const watching = watchTemporal({
      touch: () => {
        const outcome = outcomes[touches];
        touches += 1;
        if (touches === outcomes.length) end.abort();
        return outcome === 'works' ? Promise.resolve() : Promise.reject(new Error('no'));
      },
      restart: async () => {
        expect(touches).toBe(6);
        await restart();
      },
      signal: end.signal,
      everyMs: 1,
    });
    await watching;
    expect(restart).toHaveBeenCalledTimes(1);
  });
});
