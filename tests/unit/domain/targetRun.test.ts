import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { freshTarget } from '../../../src/domain/carriedTarget.ts';
import { TargetRun } from '../../../src/domain/targetRun.ts';
import { INITIAL_STATE, reduceCheck } from '../../../src/domain/targetState.ts';
import { buildResult, buildSchedule } from '../../support/buildCheck.ts';

const START = Date.UTC(2026, 0, 1);
const schedule = buildSchedule({ intervalSeconds: 60, retryIntervalSeconds: 20, timeoutSeconds: 10 });

describe('TargetRun', () => {
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
    expect(Math.max(...waits)).toBeLessThan(15_000);
    expect(new Set(waits.map((wait) => Math.floor(wait / 1_000))).size).toBeGreaterThan(7);
  });
});
