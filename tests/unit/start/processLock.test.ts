import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { identifyProcess, isRunning, waitForEnd } from '../../../src/start/processIdentity.ts';
import { takeLock } from '../../../src/start/processLock.ts';
import { ProcessRecords } from '../../../src/start/processRecords.ts';

describe('what tells processes apart', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'process-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  async function startSleeper(): Promise<{ pid: number; end: () => Promise<void> }> {
    const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    await once(child, 'spawn');
    const exited = once(child, 'exit');
    return {
      pid: child.pid ?? 0,
      end: async () => {
        child.kill('SIGKILL');
        await exited;
      },
    };
  }

  it('should be the same for a living process, and nothing for one that has ended', async () => {
    const sleeper = await startSleeper();
    const identity = identifyProcess(sleeper.pid);
    expect(identity).not.toBeNull();
    expect(identifyProcess(sleeper.pid)).toEqual(identity);
    await sleeper.end();
    expect(identifyProcess(sleeper.pid)).toBeNull();
    expect(identity !== null && isRunning(identity)).toBe(false);
  });

  it('should not take a later process of the same number for the earlier one', async () => {
    const sleeper = await startSleeper();
    expect(isRunning({ pid: sleeper.pid, startedAt: 'long ago' })).toBe(false);
    expect(await waitForEnd({ pid: sleeper.pid, startedAt: 'long ago' }, 0)).toBe(true);
    await sleeper.end();
  });

  it('should let a lock be held once, and again after its release', () => {
    const path = join(directory, 'lock');
    const lock = takeLock(path);
    expect(lock.held).toBe(true);
    expect(takeLock(path)).toEqual({ held: false, holder: identifyProcess(process.pid) });
    if (lock.held) lock.release();
    expect(readdirSync(directory)).toEqual([]);
    expect(takeLock(path).held).toBe(true);
  });

  it.each([
    ['a process that has ended', JSON.stringify({ pid: process.pid, startedAt: 'long ago' })],
    ['a power failure', ''],
  ])('should take over a lock that is left from %s', (_name, content) => {
    const path = join(directory, 'lock');
    writeFileSync(path, content);
    expect(takeLock(path).held).toBe(true);
    expect(takeLock(path).held).toBe(false);
    expect(readdirSync(directory)).toEqual(['lock']);
  });

  it('should end what an earlier start left behind, and nobody else', async () => {
    const [left, second, foreign] = [await startSleeper(), await startSleeper(), await startSleeper()];
    const earlier = new ProcessRecords(directory);
    earlier.track('worker', left.pid);
    earlier.track('worker-2', second.pid);
    const records = new ProcessRecords(directory);
    writeFileSync(join(directory, 'api.json'), JSON.stringify({ pid: foreign.pid, startedAt: 'long ago' }));
    expect(await records.endLeftovers()).toEqual(['worker', 'worker-2']);
    expect(identifyProcess(left.pid)).toBeNull();
    expect(identifyProcess(second.pid)).toBeNull();
    expect(identifyProcess(foreign.pid)).not.toBeNull();
    expect(readdirSync(directory)).toEqual([]);
    await foreign.end();
  });
});
