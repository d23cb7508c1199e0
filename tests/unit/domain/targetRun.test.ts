import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { freshTarget, type CarriedTarget } from '../../../src/domain/carriedTarget.ts';
import type { CheckResult } from '../../../src/domain/check.ts';
import { TargetRun, type RecordedDecision } from '../../../src/domain/targetRun.ts';
import {
  decideCheck,
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
        const transitions: StatusTransition[] = [];
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
            const transition = run.checked(result, turn.recorded ? decided(run, result) : null, now);
            if (transition !== null) transitions.push(transition);
          }));
          if (turn.rolls) {
            carried = structuredClone(run.carried());
            run = new TargetRun(id, carried);
          }
        }
        expect(transitions).toEqual(expected);
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
              const result = buildResult({ scheduledAt: slot });
              run.checked(result, turn.recorded ? decided(run, result) : null, now);
            },
            (results) => {
              for (const { scheduledAt } of results) stored.add(scheduledAt);
            },
          ));
        }
        for (const { result } of run.carried().unrecorded) stored.add(result.scheduledAt);
        expect(stored).toEqual(seen);
      }),
    );
  });

  it('ends with the newest version, in whatever order messages and answers of the database come', () => {
    const versions = [1, 2, 3, 4].map((version) =>
      buildSchedule({ version, isActive: version !== 3, intervalSeconds: 60 * version }),
    );
    const [first] = versions;
    if (first === undefined) throw new Error('unreachable');
    fc.assert(
      fc.property(
        fc.shuffledSubarray(versions, { minLength: 1 }),
        fc.boolean(),
        fc.array(fc.constantFrom('answer', 'roll', 'nothing'), { minLength: 8, maxLength: 8 }),
        (arriving, asSignals, between) => {
          let run = new TargetRun('id', freshTarget('id', first, INITIAL_STATE, START));
          let committed = 1; // what Postgres says: a message is sent after its version was committed
          let asked: { askedFor: number; answer: typeof first } | null = null;
          const stepOn = (what: string): void => {
            if (asked === null && run.next(START).kind === 'reloadSchedule') {
              const answer = versions.find(({ version }) => version === committed);
              if (answer !== undefined) asked = { askedFor: run.reloadStarted(), answer };
            }
            if (what === 'answer' && asked !== null) {
              run.scheduleReloaded(asked.answer, asked.askedFor, START);
              asked = null;
            }
            // With an activity in flight nothing is rolled.
            if (what === 'roll' && asked === null) run = new TargetRun('id', structuredClone(run.carried()));
          };
          for (const one of arriving) {
            committed = Math.max(committed, one.version);
            if (asSignals && one.version === 3) run.setActive(false, 3, START);
            else run.configure(one, START);
            stepOn(between.pop() ?? 'nothing');
          }
          for (const what of [...between, 'answer', 'answer', 'answer']) stepOn(what);
          expect(run.currentSchedule.version).toBe(committed);
          expect(run.isPaused).toBe(committed === 3);
        },
      ),
      { numRuns: 1_000 },
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

/** What Postgres makes of it, knowing nothing that the run does not. */
function decided(run: TargetRun, result: CheckResult): RecordedDecision {
  return { state: decideCheck(null, run.currentState, result, schedule), failureThreshold: 2 };
}

function playUntilCheck(
  run: TargetRun,
  start: number,
  turn: Turn,
  check: (slot: number) => void,
  write: (results: readonly CheckResult[]) => void = () => undefined,
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
      const results = run.writeStarted();
      write(results);
      run.written(results);
    } else if (step.kind === 'wait' && step.until !== null) {
      now = step.until + turn.lateMs;
    } else throw new Error(`unexpected step ${step.kind}`);
  }
  throw new Error('no check within 20 steps');
}
