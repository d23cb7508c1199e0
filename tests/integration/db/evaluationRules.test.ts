import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { sql } from 'kysely';
import fc from 'fast-check';
import { EvaluationRepository } from '../../../src/db/repositories/evaluation.ts';
import { DEV_CLIENT_ID } from '../../../src/db/seeders/devAccess.ts';
import {
  COMPARISONS,
  endStale,
  evaluateSample,
  goStale,
  NEVER_EVALUATED,
  type MetricEvaluation,
  type MetricSample,
  type MetricType,
  type ThresholdRule,
} from '../../../src/domain/threshold.ts';
import {
  createMetric,
  postSamples,
  reportWithout,
  setThreshold,
  transitionsOf,
} from '../../support/evaluatedMetrics.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';

jest.setTimeout(120_000);

const START = Math.floor(Date.now() / 1_000) * 1_000 - 3_600_000;
/** Longer than the five minutes after which a silent metric is stale, the evaluation's own rule. */
const SILENCE = 400_000;

let db: TargetDatabase;
beforeAll(async () => {
  db = await openTargetDatabase();
});
afterAll(() => db.close());

/** What happens to a metric between two runs of the evaluation. */
type Step =
  | {
      readonly kind: 'samples';
      readonly samples: readonly { afterMs: number; value: MetricSample['value'] }[];
    }
  | { readonly kind: 'silence' };

interface Scenario {
  readonly type: MetricType;
  readonly rule: ThresholdRule;
  readonly steps: readonly Step[];
}

/** Few values, so that equality, borders and both sides of everything come up. */
const VALUES = {
  numeric: fc.constantFrom(-1, 0, 0.5, 1, 1.5, 2, 3),
  boolean: fc.boolean(),
  string: fc.constantFrom('', 'a', 'ok', 'disk error', 'error', 'Ω error'),
} as const;

function ruleOf(type: MetricType): fc.Arbitrary<ThresholdRule> {
  const seconds = fc.constantFrom(0, 0, 1, 30, 61);
  return fc.record({
    comparison: fc.constantFrom(...COMPARISONS[type]),
    valueNum: type === 'numeric' ? VALUES.numeric : fc.constant(null),
    valueBool: type === 'boolean' ? VALUES.boolean : fc.constant(null),
    valueStr: type === 'string' ? VALUES.string : fc.constant(null),
    valueLow: type === 'numeric' ? fc.constantFrom(-1, 0, 1) : fc.constant(null),
    valueHigh: type === 'numeric' ? fc.constantFrom(1, 1.5, 2) : fc.constant(null),
    recoveryValue: type === 'numeric' ? fc.option(VALUES.numeric) : fc.constant(null),
    consecutiveBreaches: fc.constantFrom(1, 1, 2, 3),
    minDurationSeconds: seconds,
    cooldownSeconds: seconds,
  });
}

const scenario: fc.Arbitrary<Scenario> = fc
  .constantFrom<MetricType>('numeric', 'boolean', 'string')
  .chain((type) => {
    const sample = fc.record({
      afterMs: fc.constantFrom(1, 999, 1_000, 29_000, 30_000),
      value: VALUES[type],
    });
    const samples = fc.array<{ afterMs: number; value: MetricSample['value'] }>(sample, {
      minLength: 1,
      maxLength: 45,
    });
    const step = fc.oneof(
      { arbitrary: samples.map((list): Step => ({ kind: 'samples', samples: list })), weight: 4 },
      { arbitrary: fc.constant<Step>({ kind: 'silence' }), weight: 1 },
    );
    return fc.record({
      type: fc.constant(type),
      rule: ruleOf(type),
      steps: fc.array(step, { minLength: 1, maxLength: 5 }),
    });
  });

async function evaluateAll(): Promise<void> {
  const evaluation = new EvaluationRepository(db.orm.em.fork());
  for (let afterKey: number | null = 0; afterKey !== null;) {
    ({ nextAfterKey: afterKey } = await evaluation.evaluateChunk([DEV_CLIENT_ID], afterKey, Date.now()));
  }
}

interface Story {
  readonly evaluation: MetricEvaluation;
  readonly changes: readonly { from: string; to: string; episode: number }[];
}

const BEGINNING: Story = { evaluation: NEVER_EVALUATED, changes: [] };

function change(story: Story, evaluation: MetricEvaluation): Story {
  const { state: from } = story.evaluation;
  const { state: to, episode } = evaluation;
  return { evaluation, changes: from === to ? story.changes : [...story.changes, { from, to, episode }] };
}

describe('the rules of evaluation', () => {
  it('are the same in Postgres, however the samples are split into runs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(scenario, { minLength: 1, maxLength: 12 }), async (scenarios) => {
        const played = await Promise.all(
          scenarios.map(async ({ type, rule, steps }) => {
            const metric = await createMetric(db.orm, { type });
            await setThreshold(db.orm, metric, rule);
            return {
              metric,
              rule,
              steps,
              at: START,
              story: BEGINNING,
            };
          }),
        );
        // A new threshold begins with the newest sample: all see one that changes nothing, to begin with.
        await evaluateAll();
        for (let run = 0; run < 5; run += 1) {
          for (const one of played) {
            const step = one.steps[run];
            if (step?.kind === 'samples') {
              const isFirst = one.at === START;
              const samples = step.samples.map(({ afterMs, value }) => ({ at: (one.at += afterMs), value }));
              await postSamples(db.orm, one.metric, samples);
              if (one.story.evaluation.state === 'stale')
                one.story = change(one.story, endStale(one.story.evaluation));
              for (const sample of isFirst ? samples.slice(-1) : samples) {
                one.story = change(one.story, evaluateSample(one.rule, one.story.evaluation, sample));
              }
            } else if (step?.kind === 'silence' && one.at > START) {
              one.at += SILENCE;
              await reportWithout(db.orm, one.metric, one.at);
              one.story = change(one.story, goStale(one.story.evaluation));
            }
          }
          await evaluateAll();
        }
        for (const { metric, story } of played) {
          const changes = await transitionsOf(db.orm, metric);
          expect(changes.map(({ from, to, episode }) => ({ from, to, episode }))).toEqual(story.changes);
          const { rows } = await sql<MetricEvaluation>`
            select state, was_breached as "wasBreached", episode, streak,
              (extract(epoch from streak_since) * 1000)::float8 as "streakSince",
              (extract(epoch from recovered_at) * 1000)::float8 as "recoveredAt"
            from metric_evaluations where metric_key = ${metric.key}
          `.execute(db.orm.em.fork().getKysely<object>());
          expect(rows).toEqual([story.evaluation]);
        }
        await sql`truncate machines cascade`.execute(db.orm.em.fork().getKysely<object>());
      }),
      { numRuns: 25 },
    );
  });
});
