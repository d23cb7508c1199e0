import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nothingSeen } from '../../../src/activities/watch/handBack.ts';
import { freshTarget } from '../../../src/domain/carriedTarget.ts';
import { TargetRun } from '../../../src/domain/targetRun.ts';
import { INITIAL_STATE, reduceCheck, type TargetState } from '../../../src/domain/targetState.ts';
import { buildFailure, buildResult, buildSchedule } from '../../support/buildCheck.ts';
import { PlayedTarget, type Look } from '../../support/playedTarget.ts';

const START = Date.UTC(2026, 0, 1);
const DAY = 24 * 3_600_000;
const RECOVERIES = [1, 2].map((recoveryThreshold) =>
  buildSchedule({ intervalSeconds: 60, retryIntervalSeconds: 20, timeoutSeconds: 10, recoveryThreshold }),
);

/** One thing that happens to a target; mostly a look that finds what the last one found, or there is nothing to watch. */
type Turn = (target: PlayedTarget) => void;

const lateMs = fc.oneof({ weight: 6, arbitrary: fc.nat(2_000) }, { weight: 1, arbitrary: fc.nat(3_600_000) });
/** A Postgres that comes and goes. */
const atTimes = fc.oneof(
  { weight: 5, arbitrary: fc.constant(true) },
  { weight: 2, arbitrary: fc.constant(false) },
);
const found = fc.constantFrom<Look['found'][]>('pass', 'pass', 'connect', 'http_status', 'monitor');
const certificateExpiresAt = fc.constantFrom(
  null,
  ...[100, 30, 29.99, 7, 1, 0].map((days) => START + days * DAY),
);

/** @param recorded whether Postgres takes the results */
function looks(recorded: fc.Arbitrary<boolean>): fc.Arbitrary<Look> {
  return fc.record({ found, certificateExpiresAt, recorded, lateMs });
}

function lookTurns(recorded: fc.Arbitrary<boolean>): fc.Arbitrary<Turn> {
  return fc
    .record({ look: looks(recorded), times: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 9 })) })
    .map(({ look, times }) => {
      const turn: Turn = (target) => {
        for (let time = 0; time < times; time += 1) target.look(look);
      };
      return named(turn, `look ${times} × ${JSON.stringify(look)}`);
    });
}

function checksNow(recorded: fc.Arbitrary<boolean>): fc.Arbitrary<Turn> {
  return looks(recorded).map((look) =>
    named((target) => target.checkNow(look), `check now ${JSON.stringify(look)}`),
  );
}

const mishaps = fc.constantFrom<Turn[]>(
  named((target) => target.roll(), 'roll'),
  named((target) => target.killWorker(), 'kill'),
  named((target) => target.killWorkerBeforeAnswer(), 'kill before it answers'),
  named((target) => target.loseWatch(), 'lose the watch'),
);
const commands = fc
  .constantFrom('pause', 'resume', 'configure')
  .map((command) => named((target) => target.command(command), command));

/** So that a counterexample can be read. */
function named(turn: Turn, name: string): Turn {
  return Object.assign(turn, { [fc.toStringMethod]: () => name });
}

function anyOf(...turns: fc.Arbitrary<Turn>[]): fc.Arbitrary<Turn[]> {
  const [look, ...others] = turns.map((arbitrary) => ({ weight: 1, arbitrary }));
  if (look === undefined) throw new Error('nothing can happen');
  return fc.array(fc.oneof({ ...look, weight: 2 * turns.length }, ...others), { maxLength: 60, size: 'max' });
}

/** @param judge what is to hold at the end */
function play(turns: fc.Arbitrary<Turn[]>, judge: (target: PlayedTarget) => void): void {
  let watches = 0;
  fc.assert(
    fc.property(fc.uuid(), fc.constantFrom(...RECOVERIES), turns, (id, schedule, sequence) => {
      const target = new PlayedTarget(id, schedule, START);
      for (const turn of sequence) turn(target);
      target.settle();
      watches += target.watches;
      judge(target);
    }),
    { numRuns: 500 },
  );
  expect(watches).toBeGreaterThan(1_000);
}

function expectDecidedAsByReducer({ transitions, counted, current, slots }: PlayedTarget): void {
  const expected = counted.reduce();
  expect(transitions).toEqual(expected.transitions);
  expect(current.currentState).toEqual(expected.state);
  expect(new Set(slots).size).toBe(slots.length);
  expect(slots).toEqual([...slots].sort((a, b) => a - b));
}

describe('TargetRun with watches', () => {
  it('decides as the bare reducer does, whoever checks, whoever dies and whatever is commanded', () => {
    const recorded = fc.constant(true);
    play(anyOf(lookTurns(recorded), mishaps, commands, checksNow(recorded)), (target) => {
      expectDecidedAsByReducer(target);
      // Postgres took everything, so there was nothing to lose.
      expect([...target.postgres.slots].sort((a, b) => a - b)).toEqual(target.slots);
    });
  });

  it('decides as the bare reducer does of what is remembered, with a Postgres that comes and goes', () => {
    play(anyOf(lookTurns(atTimes), mishaps, commands), expectDecidedAsByReducer);
  });

  it('loses no result that Postgres refused but those in the memory of a worker that died', () => {
    play(anyOf(lookTurns(atTimes), mishaps, commands, checksNow(atTimes)), (target) => {
      const kept = target.current.carried().unrecorded.map(({ result }) => result.scheduledAt);
      expect(new Set([...target.postgres.slots, ...kept])).toEqual(new Set(target.slots));
    });
  });
});

describe('#next', () => {
  const schedule = buildSchedule({ intervalSeconds: 60, retryIntervalSeconds: 20 });
  const passedAt = (state: TargetState, slot: number): TargetState =>
    reduceCheck(state, buildResult({ scheduledAt: slot }), schedule).state;
  const upSince = (checks: number): TargetState =>
    Array.from({ length: checks }, (_, index) => START - 1 - (checks - 1 - index) * 60_000).reduce(
      passedAt,
      INITIAL_STATE,
    );
  const runAfter = (checks: number): TargetRun =>
    new TargetRun('id', freshTarget('id', schedule, upSince(checks), START));
  const watchedRun = (): TargetRun => {
    const run = runAfter(3);
    run.watchStarted(START + 30 * 60_000);
    return run;
  };

  it.each([
    [2, 'wait'],
    [3, 'watch'],
  ])('after %d checks that changed nothing is to %s', (checks, kind) => {
    expect(runAfter(checks).next(START).kind).toBe(kind);
  });

  it('has nothing to do while a watch goes on', () => {
    expect(watchedRun().next(START + 60_000)).toEqual({ kind: 'wait', until: null });
  });

  it.each([
    ['window', 'watch'],
    ['certificate', 'watch'],
    ['postgresAway', 'wait'],
    ['notStarted', 'wait'],
    ['stopping', 'wait'],
  ] as const)('after a watch that ended by "%s" is to %s', (end, kind) => {
    const run = watchedRun();
    run.watched({ ...nothingSeen(end), state: passedAt(run.currentState, START) }, START);
    expect(run.next(START).kind).toBe(kind);
  });

  it('confirms a failure that a watch saw after the retry interval', () => {
    const run = watchedRun();
    const failure = buildFailure({ scheduledAt: START });
    const { state } = reduceCheck(run.currentState, failure, schedule);
    expect(run.watched({ ...nothingSeen('failure'), state }, START)).toBeNull();
    expect(run.next(START)).toEqual({ kind: 'wait', until: START + 20_000 });
  });

  it('gives a watch up when a check now beside it fails', () => {
    const run = watchedRun();
    run.checkStarted(START);
    const failure = buildFailure({ scheduledAt: START, kind: 'manual' });
    const { state } = reduceCheck(run.currentState, failure, schedule);
    run.checked(failure, { state, failureThreshold: 2 }, START);
    expect(run.isWatched).toBe(false);
    expect(run.next(START)).toEqual({ kind: 'wait', until: START + 20_000 });
  });

  it('keeps what a check now saw later than the watch that ends', () => {
    const run = watchedRun();
    const state = run.currentState;
    const result = buildResult({ scheduledAt: START, kind: 'manual' });
    run.checkStarted(START);
    run.checked(result, { state: passedAt(state, START), failureThreshold: 2 }, START);
    expect(run.isWatched).toBe(true);
    run.watched({ ...nothingSeen('window'), state }, START + 1);
    expect(run.currentState.lastCheck?.scheduledAt).toBe(START);
  });

  it('checks soon, though not with all others at once, when a watch was lost', () => {
    const run = watchedRun();
    run.watchLost(START + 5_000);
    const soon = run.dueAt ?? Number.NaN;
    expect(soon - (START + 5_000)).toBeGreaterThanOrEqual(0);
    expect(soon - (START + 5_000)).toBeLessThan(15_000);
    expect(run.next(soon)).toMatchObject({ kind: 'check', slot: soon });
  });
});
