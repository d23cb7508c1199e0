import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { freshTarget, TargetRun, type CarriedTarget } from '../../../src/domain/targetRun.ts';
import {
  INITIAL_STATE,
  reduceCheck,
  type StatusTransition,
  type TargetState,
} from '../../../src/domain/targetState.ts';
import { buildFailure, buildResult, buildSchedule } from '../../support/buildCheck.ts';

const START = Date.UTC(2026, 0, 1);
const schedule = buildSchedule({ intervalSeconds: 60, retryIntervalSeconds: 20, timeoutSeconds: 10 });

/** One thing that happens to a target: a check with its fate, or the process that carries it dying. */
interface Turn {
  readonly passes: boolean;
  readonly recorded: boolean;
  readonly rolls: boolean;
  readonly lateMs: number;
}

const turns = fc.array(
  fc.record({
    passes: fc.boolean(),
    recorded: fc.boolean(),
    rolls: fc.boolean(),
    lateMs: fc.oneof(fc.nat(2_000), fc.nat(3_600_000)),
  }),
  { maxLength: 80 },
);

describe('TargetRun', () => {
  it('decides as the bare reducer does, whatever is lost, late or carried over in between', () => {
    fc.assert(
      fc.property(fc.uuid(), turns, (id, sequence) => {
        let carried: CarriedTarget = freshTarget(id, schedule, INITIAL_STATE, START);
        let run = new TargetRun(id, carried);
        let now = START;
        let bare: TargetState = INITIAL_STATE;
        const decided: StatusTransition[] = [];
        const expected: StatusTransition[] = [];
        const slots: number[] = [];
        for (const turn of sequence) {
          ({ now } = playUntilCheck(run, now, turn, (slot) => {
            slots.push(slot);
            const result = turn.passes
              ? buildResult({ scheduledAt: slot })
              : buildFailure({ scheduledAt: slot });
            const reduced = reduceCheck(bare, result, schedule);
            bare = reduced.state;
            if (reduced.transition !== null) expected.push(reduced.transition);
            const transition = run.checked(result, turn.recorded, turn.recorded ? 2 : null, now);
            if (transition !== null) decided.push(transition);
          }));
          if (turn.rolls) {
            carried = structuredClone(run.carried());
            run = new TargetRun(id, carried);
          }
        }
        expect(decided).toEqual(expected);
        expect(run.currentState).toEqual(bare);
        expect(new Set(slots).size).toBe(slots.length);
        expect(slots).toEqual([...slots].sort((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });

  it('never loses a result that Postgres did not take', () => {
    fc.assert(
      fc.property(fc.uuid(), turns, (id, sequence) => {
        const run = new TargetRun(id, freshTarget(id, schedule, INITIAL_STATE, START));
        const stored = new Set<number>();
        const seen = new Set<number>();
        let now = START;
        for (const turn of sequence) {
          ({ now } = playUntilCheck(
            run,
            now,
            turn,
            (slot) => {
              seen.add(slot);
              if (turn.recorded) stored.add(slot);
              run.checked(buildResult({ scheduledAt: slot }), turn.recorded, turn.recorded ? 2 : null, now);
            },
            () => {
              for (const { scheduledAt } of run.unrecordedResults) stored.add(scheduledAt);
            },
          ));
        }
        for (const { scheduledAt } of run.unrecordedResults) stored.add(scheduledAt);
        expect(stored).toEqual(seen);
      }),
    );
  });

  it('takes versions in any order and ends with the newest', () => {
    const versions = [1, 2, 3, 4].map((version) =>
      buildSchedule({ version, isActive: version !== 3, intervalSeconds: 60 * version }),
    );
    fc.assert(
      fc.property(fc.shuffledSubarray(versions, { minLength: 1 }), fc.boolean(), (arriving, asSignals) => {
        const [first] = versions;
        if (first === undefined) throw new Error('unreachable');
        const run = new TargetRun('id', freshTarget('id', first, INITIAL_STATE, START));
        for (const one of arriving) {
          if (asSignals && one.version === 3) run.setActive(false, 3, START);
          else run.configure(one, START);
          // What the workflow does next when it knows that a version is missing: it asks Postgres.
          if (run.next(START).kind === 'reloadSchedule') {
            const newest = versions.find(
              ({ version }) => version === Math.max(...arriving.map((v) => v.version)),
            );
            if (newest !== undefined) run.scheduleReloaded(newest, START);
          }
        }
        const newest = Math.max(1, ...arriving.map(({ version }) => version));
        expect(run.currentSchedule.version).toBe(newest);
        expect(run.isPaused).toBe(newest === 3);
      }),
    );
  });

  it('spreads targets that are started anew, and checks new ones at once', () => {
    const known = reduceCheck(INITIAL_STATE, buildResult({ scheduledAt: START }), schedule).state;
    const now = START + 3_600_000;
    expect(new TargetRun('a', freshTarget('a', schedule, INITIAL_STATE, now)).next(now)).toMatchObject({
      kind: 'check',
      slot: now,
    });
    const waits = Array.from({ length: 200 }, () => {
      const id = crypto.randomUUID();
      const step = new TargetRun(id, freshTarget(id, schedule, known, now)).next(now);
      return step.kind === 'wait' ? (step.until ?? 0) - now : 0;
    });
    expect(Math.max(...waits)).toBeLessThan(10_000);
    expect(new Set(waits.map((wait) => Math.floor(wait / 1_000))).size).toBeGreaterThan(7);
  });
});

function playUntilCheck(
  run: TargetRun,
  start: number,
  turn: Turn,
  check: (slot: number) => void,
  write: () => void = () => undefined,
): { now: number } {
  let now = start;
  for (let steps = 0; steps < 20; steps += 1) {
    const step = run.next(now);
    if (step.kind === 'check') {
      run.checkStarted(step.slot);
      check(step.slot);
      return { now };
    }
    if (step.kind === 'writeUnrecorded') {
      write();
      run.unrecordedWritten();
    } else if (step.kind === 'wait' && step.until !== null) {
      now = step.until + turn.lateMs;
    } else throw new Error(`unexpected step ${step.kind}`);
  }
  throw new Error('no check within 20 steps');
}
