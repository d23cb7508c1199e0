import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { sql } from 'kysely';
import type {
  EvaluationActivities,
  EvaluationReport,
  EvaluationShard,
} from '../../../src/activities/contracts.ts';
import { createEvaluationActivities } from '../../../src/activities/evaluateMetrics.ts';
import { EvaluationRepository } from '../../../src/db/repositories/evaluation.ts';
import type { evaluation } from '../../../src/workflows/index.ts';
import { createMetric, postSamples, setThreshold, transitionsOf } from '../../support/evaluatedMetrics.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';
import { startTimeSkipping, type TimeSkipping } from '../../support/timeSkipping.ts';
import { until } from '../../support/until.ts';

jest.setTimeout(120_000);

let temporal: TimeSkipping;
let db: TargetDatabase;
beforeAll(async () => {
  [temporal, db] = await Promise.all([startTimeSkipping(), openTargetDatabase()]);
});
afterAll(() => Promise.all([temporal.teardown(), db.close()]));

/** Runs what the Schedule starts. @returns its report, and its words for ops */
async function evaluate(
  activities: EvaluationActivities,
): Promise<{ report: EvaluationReport; words: string }> {
  return temporal.withWorker({ ...activities }, async (taskQueue) => {
    const workflowId = `evaluation-${crypto.randomUUID()}`;
    const report = await temporal.env.client.workflow.execute<typeof evaluation>('evaluation', {
      ...{ workflowId, taskQueue, args: [] },
    });
    const { queryResult } = await temporal.env.client.workflowService.queryWorkflow({
      namespace: temporal.env.namespace ?? 'default',
      execution: { workflowId },
      query: { queryType: '__temporal_workflow_metadata' },
    });
    const words = (queryResult?.payloads ?? [])
      .map(({ data }) => Buffer.from(data ?? []).toString())
      .join('');
    return { report, words };
  });
}

function ofDatabase(): EvaluationActivities {
  return createEvaluationActivities({
    evaluation: new EvaluationRepository(db.orm.em.fork()),
    clock: { now: () => Date.now() },
    onFault: () => undefined,
  });
}

const COUNTS = { breached: 1, recovered: 0, stale: 0, failed: 0 };

/** As many shards of one client, with what becomes of each. */
function shards(
  clients: readonly string[],
  evaluateShard: EvaluationActivities['evaluateShard'],
): EvaluationActivities {
  const list = clients.map((clientId): EvaluationShard => ({ clientIds: [clientId], metrics: 10 }));
  return { listEvaluationShards: () => Promise.resolve(list), evaluateShard };
}

describe('#evaluation', () => {
  it('compares the metrics of all clients with their thresholds, and says so in words', async () => {
    const { rows } = await sql<{
      id: string;
    }>`insert into clients (name) values ('other') returning id`.execute(
      db.orm.em.fork().getKysely<object>(),
    );
    const theirs = await createMetric(db.orm, { clientId: rows[0]?.id ?? '' });
    const ours = await createMetric(db.orm);
    for (const metric of [ours, theirs]) {
      await setThreshold(db.orm, metric);
      await postSamples(db.orm, metric, [{ at: Date.now(), value: 2 }]);
    }
    const { report, words } = await evaluate(ofDatabase());
    expect(report).toEqual({ clients: 2, metrics: 2, ...COUNTS, breached: 2 });
    expect(words).toMatch(/2 metrics of 2 clients in \d+\.\d s: 2 breached, 0 recovered, 0 stale/);
    expect((await evaluate(ofDatabase())).report).toMatchObject({ metrics: 2, breached: 0 });
    for (const metric of [ours, theirs]) expect(await transitionsOf(db.orm, metric)).toHaveLength(1);
  });

  it('does nothing where there are no metrics', async () => {
    const never = () => Promise.reject(new Error('there is nothing to evaluate'));
    expect(await evaluate(shards([], never))).toMatchObject({
      report: { clients: 0, metrics: 0, failed: 0 },
    });
  });

  it('evaluates the others where a shard fails for good, and tells', async () => {
    const tries = new Map<string, number>();
    const { report, words } = await evaluate(
      shards(['a', 'b', 'c', 'd'], ({ clientIds: [clientId = ''], metrics }) => {
        tries.set(clientId, (tries.get(clientId) ?? 0) + 1);
        if (clientId === 'b') return Promise.reject(new Error('a client that cannot be evaluated'));
        return Promise.resolve({ metrics, ...COUNTS });
      }),
    );
    expect(report).toEqual({ clients: 4, metrics: 30, breached: 3, recovered: 0, stale: 0, failed: 1 });
    expect(words).toContain("FAILED for 1 client (see the worker's log)");
    expect(Object.fromEntries(tries)).toEqual({ a: 1, b: 3, c: 1, d: 1 });
  });

  it('tries again where Postgres was away for a moment', async () => {
    let tries = 0;
    const { report } = await evaluate(
      shards(['a'], ({ metrics }) => {
        tries += 1;
        return tries === 1
          ? Promise.reject(new Error('connection lost'))
          : Promise.resolve({ metrics, ...COUNTS });
      }),
    );
    expect(report).toMatchObject({ metrics: 10, failed: 0 });
  });

  it('evaluates two shards at once, and no more', async () => {
    let running = 0;
    let most = 0;
    let begun = 0;
    await evaluate(
      shards(['a', 'b', 'c', 'd'], async ({ metrics }) => {
        running += 1;
        begun += 1;
        most = Math.max(most, running);
        const itsPair = Math.ceil(begun / 2) * 2;
        await until(() => begun >= itsPair, { what: 'another shard beside it' });
        running -= 1;
        return { metrics, ...COUNTS };
      }),
    );
    expect(most).toBe(2);
  });
});
