import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { OwnNetwork } from '../../../src/activities/ownNetwork.ts';
import type { ProbeOutcome } from '../../../src/domain/check.ts';
import type { ReferenceAnswer } from '../../../src/net/references.ts';
import { buildFailure, buildResult } from '../../support/buildCheck.ts';

const never = new AbortController().signal;

let answer: ReferenceAnswer | Promise<ReferenceAnswer>;
let asked: number;
let network: OwnNetwork;
let changes: (number | null)[];
let doubts: number;

beforeEach(() => {
  jest.useFakeTimers({ now: Date.UTC(2026, 0, 1) });
  [answer, asked, changes, doubts] = ['answered', 0, [], 0];
});
afterEach(() => {
  network.stop();
  jest.useRealTimers();
});

/** A worker that has just begun, and has heard what its references say. */
async function begin(): Promise<void> {
  network = new OwnNetwork({
    references: {
      names: ['192.0.2.1:443'],
      ask: async () => {
        asked += 1;
        return answer;
      },
    },
    clock: { now: () => Date.now() },
    onChange: (lostAt) => changes.push(lostAt),
    onDoubt: () => (doubts += 1),
  });
  await jest.advanceTimersByTimeAsync(0);
}

function judge(target: string, outcome: Partial<ProbeOutcome> = {}, signal = never): Promise<ProbeOutcome> {
  return network.judge(target, buildFailure({ startedAt: Date.now(), ...outcome }), signal);
}

function passed(target: string): Promise<ProbeOutcome> {
  return network.judge(target, buildResult({ startedAt: Date.now() }), never);
}

async function lose(): Promise<void> {
  answer = 'silent';
  for (const target of ['a', 'b', 'c']) await judge(target);
}

describe('OwnNetwork', () => {
  it('asks when it begins, and then every half minute', async () => {
    await begin();
    expect(asked).toBe(1);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(3);
  });

  it('hands on what answered, whatever it answered, without a question', async () => {
    await begin();
    await passed('a');
    for (const failureClass of ['http_status', 'tls', 'protocol', 'too_many_redirects'] as const) {
      expect((await judge('a', { failureClass })).failureClass).toBe(failureClass);
    }
    expect(asked).toBe(1);
  });

  it('leaves a failure as it is where the references answer', async () => {
    await begin();
    const outcome = buildFailure();
    expect(await network.judge('a', outcome, never)).toBe(outcome);
    expect(asked).toBe(2);
    expect(changes).toEqual([]);
  });

  it('takes the fault on itself where they do not, and says so once', async () => {
    await begin();
    const began = Date.now();
    answer = 'silent';
    expect(await judge('a')).toMatchObject({
      failureClass: 'monitor',
      errorMessage: expect.stringContaining('has lost its network'),
    });
    await lose();
    expect(changes).toEqual([began]);
    expect(network.lostAt).toBe(began);
  });

  it('asks every five seconds while the network is lost, for no check, and says when it is back', async () => {
    await begin();
    await lose();
    asked = 0;
    await judge('d');
    expect(asked).toBe(0);
    await jest.advanceTimersByTimeAsync(20_000);
    expect(asked).toBe(4);
    answer = 'answered';
    await jest.advanceTimersByTimeAsync(5_000);
    expect(changes).toEqual([expect.any(Number), null]);
    expect(network.lostAt).toBeNull();
    expect((await judge('a')).failureClass).toBe('connect');
  });

  it('gives a probe that began without a network no blame when it ends with one', async () => {
    await begin();
    const startedAt = Date.now();
    await lose();
    answer = 'answered';
    await jest.advanceTimersByTimeAsync(5_000);
    expect((await judge('d', { startedAt, failureClass: 'timeout' })).failureClass).toBe('monitor');
  });

  it('notices a silence by itself, before a check has failed', async () => {
    await begin();
    answer = 'silent';
    await jest.advanceTimersByTimeAsync(30_000);
    asked = 0;
    expect((await judge('a')).failureClass).toBe('monitor');
    expect(asked).toBe(0);
  });

  it('knows nothing while it has nothing to ask with', async () => {
    await begin();
    answer = 'notAsked';
    expect((await judge('a')).failureClass).toBe('connect');
  });

  it('lets the first check wait for the first answer', async () => {
    const { promise, resolve } = Promise.withResolvers<ReferenceAnswer>();
    answer = promise;
    await begin();
    const judged = judge('a');
    resolve('silent');
    expect((await judged).failureClass).toBe('monitor');
  });

  it('is not waited for by a check that is given up', async () => {
    await begin();
    answer = new Promise(() => undefined);
    const stop = new AbortController();
    const judged = judge('a', {}, stop.signal);
    stop.abort(new Error('paused'));
    await expect(judged).rejects.toThrow('paused');
  });

  it('says once that its references are silent beside targets that answer', async () => {
    answer = 'silent';
    await begin();
    expect(doubts).toBe(0);
    await passed('a');
    await passed('b');
    expect(doubts).toBe(1);
    expect(changes).toEqual([]);
  });

  it('asks no more when it is stopped', async () => {
    await begin();
    network.stop();
    await jest.advanceTimersByTimeAsync(120_000);
    expect(asked).toBe(1);
  });
});
