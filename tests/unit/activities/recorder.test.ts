import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Recorder, type RecordingPace } from '../../../src/activities/recorder.ts';
import type { CheckToRecord, RecordedCheck } from '../../../src/db/repositories/checkToRecord.ts';
import { buildResult } from '../../support/buildCheck.ts';

let groups: string[][];
let recorder: Recorder;
/** What Postgres does with a group; it commits at once unless a test says otherwise. */
let commit: () => Promise<void>;

beforeEach(() => {
  jest.useFakeTimers();
  groups = [];
  commit = () => Promise.resolve();
  recorder = new Recorder({
    checks: {
      record: async (checks) => {
        groups.push(checks.map(({ targetId }) => targetId));
        await commit();
        return checks.map(recorded);
      },
    },
    onError: () => undefined,
  });
});

afterEach(() => {
  jest.useRealTimers();
});

function recorded({ result }: CheckToRecord): RecordedCheck {
  return { kind: 'recorded', stored: result, failureThreshold: 2, decided: null };
}

function record(targetId: string, pace?: RecordingPace): Promise<RecordedCheck | null> {
  return recorder.record(
    { targetId, result: buildResult(), version: 1, watch: 'beside', decide: null },
    pace,
  );
}

function hang(): Promise<void> {
  return new Promise(() => undefined);
}

describe('#Recorder', () => {
  it('groups what a workflow waits for within 50 ms', async () => {
    const first = record('a');
    await jest.advanceTimersByTimeAsync(49);
    const second = record('b');
    expect(groups).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(groups).toEqual([['a', 'b']]);
    await expect(Promise.all([first, second])).resolves.toMatchObject([
      { kind: 'recorded' },
      { kind: 'recorded' },
    ]);
  });

  it('lets what nobody waits for gather for half a second', async () => {
    void record('a', 'routine');
    await jest.advanceTimersByTimeAsync(499);
    void record('b', 'routine');
    expect(groups).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(groups).toEqual([['a', 'b']]);
  });

  it('takes along what nobody waits for when somebody does', async () => {
    void record('a', 'routine');
    await jest.advanceTimersByTimeAsync(100);
    void record('b');
    await jest.advanceTimersByTimeAsync(50);
    expect(groups).toEqual([['a', 'b']]);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(groups).toHaveLength(1);
  });

  it('answers a workflow after 300 ms, and the others after 5 s, whatever Postgres does', async () => {
    commit = hang;
    const settled: string[] = [];
    void record('a').then((answer) => settled.push(answer === null ? 'a' : 'a stored'));
    void record('b', 'routine').then((answer) => settled.push(answer === null ? 'b' : 'b stored'));
    await jest.advanceTimersByTimeAsync(299);
    expect(settled).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(settled).toEqual(['a']);
    await jest.advanceTimersByTimeAsync(4_700);
    expect(settled).toEqual(['a', 'b']);
  });

  it('has two transactions under way at the most, and goes on when one is through', async () => {
    const gates = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const open = [...gates];
    commit = () => open.shift()?.promise ?? Promise.resolve();
    for (const name of ['a', 'b', 'c']) {
      void record(name, 'routine');
      await jest.advanceTimersByTimeAsync(500);
    }
    expect(groups).toEqual([['a'], ['b']]);
    expect(recorder.waitingCount).toBe(1);
    gates[0]?.resolve(undefined);
    await jest.advanceTimersByTimeAsync(1);
    expect(groups).toEqual([['a'], ['b'], ['c']]);
    expect(recorder.waitingCount).toBe(0);
  });
});
