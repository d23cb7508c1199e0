import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { upgradeCarriedMachine } from '../../../src/domain/carriedMachine.ts';
import type { HeartbeatState, MachineNews } from '../../../src/domain/heartbeat.ts';
import { HeartbeatRun } from '../../../src/domain/heartbeatRun.ts';
import { buildHeartbeatSchedule, buildHeartbeatState, knownJudgement } from '../../support/buildMachine.ts';

const START = Date.UTC(2026, 0, 1);
const schedule = buildHeartbeatSchedule({ thresholdSeconds: 300 });
const up = buildHeartbeatState({ lastSeenAt: START, lastStateChangeAt: START });

function begin(state: HeartbeatState = up, now = START): HeartbeatRun {
  return HeartbeatRun.begin({ schedule, state }, now);
}

describe('HeartbeatRun', () => {
  it('asks three seconds after the deadline, when the workers have not told it anything', () => {
    const run = begin();
    expect(run.next(START)).toEqual({ kind: 'wait', until: START + 303_000 });
    expect(run.next(START + 303_000)).toEqual({ kind: 'judge' });
  });

  it('sleeps on for as long as Postgres says that remains', () => {
    const run = begin();
    run.judged(
      knownJudgement(schedule, { ...up, lastSeenAt: START + 290_000 }, 288_000),
      START + 303_000,
      0.5,
    );
    expect(run.next(START + 303_000)).toEqual({ kind: 'wait', until: START + 594_000 });
  });

  it('asks again in three seconds while the proof is not there yet', () => {
    const run = begin();
    run.judged(knownJudgement(schedule, up, -1_000), START + 301_000, 0.5);
    expect(run.nextAskAt).toBe(START + 304_000);
  });

  it('asks for a machine that was resumed a threshold later', () => {
    const resumed = { ...up, status: 'unknown', lastStateChangeAt: START + 60_000 } as const;
    expect(begin(resumed, START + 60_000).nextAskAt).toBe(START + 363_000);
  });

  it('sleeps for longer where it is told to be patient', () => {
    const run = begin();
    const reported = { ...up, lastSeenAt: START + 300_000 };
    const patient = { kind: 'known', schedule, state: reported, remainingMs: 300_000, patience: 4 } as const;
    run.judged(patient, START + 300_000, 0);
    expect(run.nextAskAt).toBe(START + 300_000 + 1_200_000 + 3_000);
    run.judged({ kind: 'ingestAway', patience: 10 }, START, 1);
    expect(run.nextAskAt).toBe(START + 1_200_000);
  });

  it.each([
    ['unknown', null],
    ['down', START],
    ['paused', START],
  ] as const)('waits for a message while the machine is %s', (status, lastSeenAt) => {
    expect(begin({ ...up, status, lastSeenAt }).next(START + 86_400_000)).toEqual({
      kind: 'wait',
      until: null,
    });
  });

  it('asks at once, or a threshold from now, where the clocks of Postgres and Temporal differ', () => {
    expect(begin({ ...up, lastSeenAt: START - 3_600_000 }).nextAskAt).toBeLessThanOrEqual(START + 3_000);
    expect(begin({ ...up, lastSeenAt: START + 3_600_000 }).nextAskAt).toBe(START + 303_000);
  });

  it('asks while ingest is away at least once within what is granted after it', () => {
    for (const spread of [0, 0.5, 1]) {
      const run = begin();
      run.judged({ kind: 'ingestAway' }, START, spread);
      expect(run.nextAskAt).toBeGreaterThanOrEqual(START + 96_000);
      expect(run.nextAskAt).toBeLessThanOrEqual(START + 120_000);
    }
    const strict = HeartbeatRun.begin({ schedule: { ...schedule, thresholdSeconds: 60 }, state: up }, START);
    strict.judged({ kind: 'ingestAway' }, START, 1);
    expect(strict.nextAskAt).toBe(START + 60_000);
  });

  it('backs off while Postgres does not answer: a stumble first, then up to two minutes', () => {
    const run = begin();
    const waits = Array.from({ length: 6 }, () => {
      run.judged({ kind: 'unavailable' }, START, 1);
      return ((run.nextAskAt ?? 0) - START) / 1_000;
    });
    expect(waits).toEqual([6, 30, 60, 120, 120, 120]);
    run.judged(knownJudgement(schedule, up, 100_000), START, 1);
    run.judged({ kind: 'unavailable' }, START, 1);
    expect(run.nextAskAt).toBe(START + 6_000);
  });

  it('ends when the machine is deleted, whoever says so', () => {
    const [told, asked] = [begin(), begin()];
    told.retire();
    asked.judged({ kind: 'deleted' }, START, 0);
    expect([told.next(START), asked.next(START)]).toEqual([{ kind: 'end' }, { kind: 'end' }]);
    told.told({ schedule: { ...schedule, version: 9 }, state: { ...up, episode: 9 } }, START);
    expect(told.next(START)).toEqual({ kind: 'end' });
  });

  it('follows a shorter and a longer threshold from the middle of a sleep', () => {
    const run = begin();
    run.told({ schedule: { ...schedule, version: 2, thresholdSeconds: 60 }, state: up }, START + 30_000);
    expect(run.nextAskAt).toBe(START + 63_000);
    run.told({ schedule: { ...schedule, version: 3, thresholdSeconds: 900 }, state: up }, START + 30_000);
    expect(run.nextAskAt).toBe(START + 903_000);
  });

  it('believes Postgres rather than messages, also a Postgres that was restored from a backup', () => {
    const run = HeartbeatRun.begin(
      { schedule: { ...schedule, version: 7 }, state: { ...up, episode: 5 } },
      START,
    );
    run.judged(knownJudgement({ ...schedule, version: 3 }, { ...up, episode: 2 }, 1_000), START, 0);
    expect(run.currentSchedule.version).toBe(3);
    expect(run.currentState.episode).toBe(2);
  });

  it('asks Postgres when it hears of an older version: a backup may have been restored', () => {
    const run = HeartbeatRun.begin(
      { schedule: { ...schedule, version: 7 }, state: { ...up, status: 'down', episode: 5 } },
      START,
    );
    run.told({ schedule: { ...schedule, version: 6 }, state: { ...up, episode: 3 } }, START);
    expect(run.currentSchedule.version).toBe(7);
    expect(run.next(START)).toEqual({ kind: 'judge' });
    run.judged(knownJudgement({ ...schedule, version: 6 }, { ...up, episode: 3 }, 100_000), START, 0);
    expect(run.currentState).toEqual({ ...up, episode: 3 });
  });

  it('ends with the newest that was told, in whatever order messages come, across runs', () => {
    const news: MachineNews[] = [
      { schedule, state: up },
      { schedule, state: { status: 'down', episode: 1, lastSeenAt: START, lastStateChangeAt: START + 10 } },
      {
        schedule,
        state: { status: 'up', episode: 1, lastSeenAt: START + 20, lastStateChangeAt: START + 20 },
      },
      {
        schedule: { ...schedule, version: 2, isActive: false },
        state: { status: 'paused', episode: 1, lastSeenAt: START + 20, lastStateChangeAt: START + 30 },
      },
      {
        schedule: { ...schedule, version: 3, thresholdSeconds: 60 },
        state: { status: 'unknown', episode: 1, lastSeenAt: START + 20, lastStateChangeAt: START + 40 },
      },
      {
        schedule: { ...schedule, version: 3, thresholdSeconds: 60 },
        state: { status: 'up', episode: 1, lastSeenAt: START + 50, lastStateChangeAt: START + 50 },
      },
      {
        schedule: { ...schedule, version: 3, thresholdSeconds: 60 },
        state: { status: 'down', episode: 2, lastSeenAt: START + 50, lastStateChangeAt: START + 60 },
      },
    ];
    fc.assert(
      fc.property(
        fc.shuffledSubarray(news, { minLength: 1 }),
        fc.array(fc.boolean(), { minLength: news.length, maxLength: news.length }),
        (arriving, rolls) => {
          let run = begin();
          for (const [index, one] of arriving.entries()) {
            run.told(one, START + 100);
            run.told(one, START + 100);
            if (rolls[index] === true) {
              run = new HeartbeatRun(upgradeCarriedMachine(structuredClone(run.carried())));
            }
          }
          const newest = news.findLast((one) => arriving.includes(one));
          expect(run.currentState).toEqual(newest?.state);
          expect(run.currentSchedule.version).toBe(
            Math.max(...arriving.map(({ schedule: { version } }) => version)),
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('always has a time to ask while the machine is up, and none while nobody is to be judged', () => {
    const judgements = fc.oneof(
      fc
        .tuple(
          fc.constantFrom('unknown', 'up', 'down', 'paused'),
          fc.integer({ min: -60_000, max: 3_600_000 }),
          fc.boolean(),
        )
        .map(([status, remainingMs, isActive]) =>
          knownJudgement({ ...schedule, isActive }, { ...up, status }, remainingMs),
        ),
      fc.constant({ kind: 'ingestAway' } as const),
      fc.constant({ kind: 'unavailable' } as const),
    );
    fc.assert(
      fc.property(
        fc.array(judgements, { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, spread) => {
          const run = begin();
          for (const judgement of all) {
            const now = run.nextAskAt;
            if (now === null) return; // it asks no more before a message comes
            run.judged(judgement, now, spread);
            const { status } = run.currentState;
            const isJudged = (status === 'up' || status === 'unknown') && run.currentSchedule.isActive;
            const { nextAskAt } = run;
            expect(nextAskAt === null).toBe(!isJudged);
            expect(nextAskAt ?? Infinity).toBeGreaterThanOrEqual(now + 2_000);
          }
        },
      ),
    );
  });

  it('refuses what a newer version carried over', () => {
    expect(() => upgradeCarriedMachine({ format: 2 })).toThrow('format 2 needs a newer worker');
  });
});
