import { describe, expect, it } from '@jest/globals';
import { HeartbeatJudge } from '../../../src/activities/judgeHeartbeat.ts';
import type { HeartbeatJudgement } from '../../../src/domain/heartbeat.ts';
import { buildHeartbeatSchedule, buildHeartbeatState, knownJudgement } from '../../support/buildMachine.ts';
import { until } from '../../support/until.ts';

const KNOWN = knownJudgement(buildHeartbeatSchedule(), buildHeartbeatState(), 1_000);

/** A Postgres that answers when the test says so. */
class PlayedSilence {
  readonly asked: (readonly string[])[] = [];
  judged = 0;
  error: Error | null = null;
  /** What every statement waits for. */
  gate: Promise<undefined> = Promise.resolve(undefined);
  unknown = new Set<string>();

  async judgeAll(): Promise<string[]> {
    this.judged += 1;
    await this.gate;
    if (this.error !== null) throw this.error;
    return [];
  }

  judgements(ids: readonly string[]): Promise<ReadonlyMap<string, HeartbeatJudgement>> {
    this.asked.push(ids);
    return Promise.resolve(
      new Map(ids.filter((id) => !this.unknown.has(id)).map((id) => [id, KNOWN] as const)),
    );
  }
}

function judgeOf(silence: PlayedSilence) {
  const clock = { at: 1_000_000, now: () => clock.at };
  const faults: unknown[] = [];
  const judge = new HeartbeatJudge({ silence, clock, onFault: (error) => faults.push(error) });
  return { judge, clock, faults };
}

describe('HeartbeatJudge', () => {
  it('judges everybody before it answers what is so of one', async () => {
    const silence = new PlayedSilence();
    const { judge } = judgeOf(silence);
    expect(await judge.judge('a')).toEqual(KNOWN);
    expect([silence.judged, silence.asked]).toEqual([1, [['a']]]);
  });

  it('lets those who ask while a look is under way share the next one', async () => {
    const silence = new PlayedSilence();
    const gate = Promise.withResolvers<undefined>();
    silence.gate = gate.promise;
    const { judge } = judgeOf(silence);
    const first = judge.judge('a');
    const others = ['b', 'c', 'd'].map((id) => judge.judge(id));
    gate.resolve(undefined);
    expect(await Promise.all([first, ...others])).toEqual([KNOWN, KNOWN, KNOWN, KNOWN]);
    expect(silence.asked).toEqual([['a'], ['b', 'c', 'd']]);
  });

  it('does not wait for a Postgres that hangs, and asks it again after five seconds', async () => {
    const silence = new PlayedSilence();
    const gate = Promise.withResolvers<undefined>();
    silence.gate = gate.promise;
    const { judge, clock, faults } = judgeOf(silence);
    const began = performance.now();
    expect(await judge.judge('a')).toEqual({ kind: 'unavailable' });
    expect(performance.now() - began).toBeLessThan(1_000);
    clock.at += 4_999;
    expect(await judge.judge('b')).toEqual({ kind: 'unavailable' });
    expect([silence.judged, faults.length]).toEqual([1, 1]);
    gate.resolve(undefined);
    await until(() => silence.asked.length === 1);
    clock.at += 1;
    expect(await judge.judge('c')).toEqual(KNOWN);
  });

  it('answers that nobody knows when Postgres refuses, and tells why', async () => {
    const silence = new PlayedSilence();
    silence.error = new Error('connection refused');
    const { judge, faults } = judgeOf(silence);
    expect(await judge.judge('a')).toEqual({ kind: 'unavailable' });
    expect(faults).toEqual([silence.error]);
  });

  it('remembers a fault for no longer when the clock is set back', async () => {
    const silence = new PlayedSilence();
    silence.error = new Error('connection refused');
    const { judge, clock } = judgeOf(silence);
    await judge.judge('a');
    silence.error = null;
    clock.at -= 3_600_000;
    expect(await judge.judge('a')).toEqual(KNOWN);
  });

  it('ends no machine for want of a row: this may be the wrong database', async () => {
    const silence = new PlayedSilence();
    silence.unknown.add('b');
    const { judge, clock } = judgeOf(silence);
    expect(await judge.judge('b')).toEqual({ kind: 'unavailable' });
    clock.at += 1;
    expect(await judge.judge('a')).toEqual(KNOWN); // and that is no fault of Postgres
  });
});
