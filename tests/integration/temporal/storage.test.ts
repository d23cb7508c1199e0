import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createStorageActivities } from '../../../src/activities/storage.ts';
import { CHECK_ROLLUPS } from '../../../src/db/repositories/checkRollups.ts';
import { OldAlerts } from '../../../src/db/repositories/oldAlerts.ts';
import { OldIngests } from '../../../src/db/repositories/oldIngests.ts';
import { OldMetrics } from '../../../src/db/repositories/oldMetrics.ts';
import { PartitionRepository } from '../../../src/db/repositories/partitions.ts';
import { Rollups } from '../../../src/db/repositories/rollups.ts';
import { SAMPLE_ROLLUPS } from '../../../src/db/repositories/sampleRollups.ts';
import { connectTemporal, type TemporalConnection } from '../../../temporal/client.ts';
import { bundleWorkflows } from '../../../temporal/bundle.ts';
import {
  evaluationId,
  heartbeatSweepId,
  reconcileId,
  retentionId,
  rollupsId,
  taskQueue,
} from '../../../temporal/names.ts';
import { ensureSchedules } from '../../../temporal/schedules.ts';
import { loadConfig } from '../../../src/config.ts';
import { insertCheckRows, setRolledUpUntil } from '../../support/checkRows.ts';
import { createMetric, postSamples, setSamplesRolledUpUntil } from '../../support/evaluatedMetrics.ts';
import { TEST_TEMPORAL_ADDRESS } from '../../support/serversSetup.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';
import { until } from '../../support/until.ts';

jest.setTimeout(60_000);

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const prefix = `test-${crypto.randomUUID()}-`;

let db: TargetDatabase;
let temporal: TemporalConnection;
let connection: NativeConnection;
let worker: Worker;
let running: Promise<void>;

beforeAll(async () => {
  const address = process.env[TEST_TEMPORAL_ADDRESS];
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  db = await openTargetDatabase();
  const config = loadConfig({
    ENV_FILE: '/dev/null',
    DATABASE_URL: db.url,
    TEMPORAL_ADDRESS: address,
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  });
  temporal = connectTemporal(config.temporal);
  connection = await NativeConnection.connect({ address: address ?? '' });
  worker = await Worker.create({
    connection,
    taskQueue: taskQueue(prefix),
    workflowBundle: await bundleWorkflows(),
    activities: {
      ...createStorageActivities({
        checkRollups: new Rollups(db.orm.em.fork(), CHECK_ROLLUPS),
        sampleRollups: new Rollups(db.orm.em.fork(), SAMPLE_ROLLUPS),
        partitions: new PartitionRepository(db.orm.em.fork()),
        oldIngests: new OldIngests(db.orm.em.fork()),
        oldMetrics: new OldMetrics(db.orm.em.fork()),
        oldAlerts: new OldAlerts(db.orm.em.fork()),
        ownerUrl: db.url,
        retentionDays: { checks: config.retentionChecksDays, samples: config.retentionSamplesDays },
        clock: { now: () => Date.now() },
      }),
      reconcileTargets: () => ({ targets: 0, started: 0, configured: 0, retired: 0, failed: 0, refused: 0 }),
      sweepHeartbeats: () => ({
        machines: 0,
        silent: 0,
        started: 0,
        configured: 0,
        retired: 0,
        failed: 0,
        refused: 0,
      }),
      ensurePartitions: () => undefined,
    },
  });
  running = worker.run();
  for (const _ of [1, 2]) {
    await ensureSchedules(temporal.client, {
      ...{
        reconcileIntervalSeconds: 86_400,
        heartbeatIntervalSeconds: 86_400,
        evaluationIntervalSeconds: 86_400,
        taskQueuePrefix: prefix,
      },
    });
  }
});
afterAll(async () => {
  for (const id of [reconcileId, heartbeatSweepId, evaluationId, rollupsId, retentionId].map((idOf) =>
    idOf(prefix),
  )) {
    await temporal.client.schedule.getHandle(id).delete();
  }
  worker.shutdown();
  await running;
  await Promise.all([connection.close(), temporal.close(), db.close()]);
});

/** Starts what a Schedule starts, now. @returns its result, and its words for ops */
async function trigger(scheduleId: string): Promise<{ result: unknown; words: string }> {
  const schedule = temporal.client.schedule.getHandle(scheduleId);
  const before = (await schedule.describe()).info.recentActions.length;
  await schedule.trigger();
  await until(async () => (await schedule.describe()).info.recentActions.length > before, {
    what: scheduleId,
  });
  const action = (await schedule.describe()).info.recentActions.at(-1);
  const workflowId = action?.action.workflow.workflowId ?? '';
  const result: unknown = await temporal.client.workflow.getHandle(workflowId).result();
  const { queryResult } = await temporal.client.workflowService.queryWorkflow({
    namespace: 'default',
    execution: { workflowId },
    query: { queryType: '__temporal_workflow_metadata' },
  });
  const words = (queryResult?.payloads ?? []).map(({ data }) => Buffer.from(data ?? []).toString()).join('');
  return { result, words };
}

describe('the Schedules', () => {
  it('are five: reconcile, heartbeats, evaluation, rollups each hour, retention at night', async () => {
    const described = await Promise.all(
      [reconcileId, heartbeatSweepId, evaluationId, rollupsId, retentionId].map((idOf) =>
        temporal.client.schedule.getHandle(idOf(prefix)).describe(),
      ),
    );
    expect(described.map(({ action }) => action.workflowType)).toEqual([
      ...['reconcile', 'heartbeatSweep', 'evaluation', 'rollups', 'retention'],
    ]);
    const [, , , hourly, nightly] = described.map(
      ({ info }) => info.nextActionTimes[0] ?? new Date(Number.NaN),
    );
    expect(hourly?.getUTCMinutes()).toBe(7);
    expect(nightly?.toISOString()).toMatch(/T00:40:00\.000Z$/);
  });

  it('roll up the hours that are over, and say so in words', async () => {
    const hour = Math.floor(Date.now() / HOUR) * HOUR - 3 * HOUR;
    const target = await db.create();
    await insertCheckRows(db.orm, target.id, [{ at: hour }, { at: hour + 1 }]);
    await setRolledUpUntil(db.orm, hour);
    const metric = await createMetric(db.orm);
    await postSamples(db.orm, metric, [{ at: hour, value: 1 }]);
    await setSamplesRolledUpUntil(db.orm, hour);
    const { result, words } = await trigger(rollupsId(prefix));
    const { checks } = result as { checks: { hours: number; completeUntil: number } };
    const { hours, completeUntil } = checks;
    expect(result).toMatchObject({ checks: { rows: 1, lateHours: 0 }, samples: { rows: 1, lateHours: 0 } });
    expect([2, 3]).toContain(hours); // the last one waits for five minutes
    expect(words).toContain(`rolled up ${hours} hours of 1 targets, 0 late hours`);
    expect(words).toContain(`rolled up ${hours} hours of 1 metrics, 0 late hours`);
    expect(words).toContain(new Date(completeUntil).toISOString().slice(0, 16));
  });

  it('drop what is too old and reindex yesterday, and say so in words', async () => {
    const target = await db.create();
    await insertCheckRows(db.orm, target.id, [{ at: Date.now() - 40 * DAY }]);
    await setRolledUpUntil(db.orm, Math.floor(Date.now() / HOUR) * HOUR);
    const { result, words } = await trigger(retentionId(prefix));
    const yesterday = new Date(Date.now() - DAY).toISOString().slice(0, 10).replaceAll('-', '');
    const reindexed = ['check_failures', 'checks', 'metric_samples'].map(
      (parent) => `${parent}_${yesterday}`,
    );
    expect(result).toMatchObject({
      ...{ dropped: 2, unrolled: 0, busy: 0, forgottenIngests: 0, reindexed, refusal: null },
    });
    expect(words).toContain(`dropped 2 partitions; reindexed ${reindexed.join(', ')}`);
  });
});
