import { loadConfig } from '../../src/config.ts';
import type { Target } from '../../src/db/repositories/httpTargetRow.ts';
import { readInstallationId } from '../../src/db/repositories/watchedTargets.ts';
import type { httpTarget } from '../../src/workflows/index.ts';
import { connectTemporal, type TemporalConnection } from '../../temporal/client.ts';
import { createHttpTargetWorkflows, type HttpTargetWorkflows } from '../../temporal/httpTargetWorkflows.ts';
import { httpTargetWorkflowId } from '../../temporal/names.ts';
import { TEST_TEMPORAL_ADDRESS } from './serversSetup.ts';
import { startTargetFarm, type TargetFarm } from './targetFarm.ts';
import { openTargetDatabase, type TargetDatabase } from './targets.ts';

/** All that a worker needs, on the test run's Postgres and Temporal, with a database and a task queue of its own. */
export interface WorkerSurroundings {
  readonly db: TargetDatabase;
  readonly temporal: TemporalConnection;
  readonly workflows: HttpTargetWorkflows;
  readonly taskQueuePrefix: string;
  /** Answers 200 to everything, unless it is told otherwise. */
  readonly farm: TargetFarm;
  /** The settings of a worker here. */
  readonly env: Readonly<Record<string, string>> &
    Readonly<Record<'DATABASE_URL' | 'TEMPORAL_ADDRESS', string>>;
  /** A row, without a workflow: a path of the farm, checked every 5 s. */
  readonly createTarget: () => Promise<Target>;
  readonly handleOf: (target: Pick<Target, 'id'>) => ReturnType<typeof handle>;
  readonly close: () => Promise<void>;
}

export async function openWorkerSurroundings(): Promise<WorkerSurroundings> {
  const taskQueuePrefix = `test-${crypto.randomUUID()}-`;
  const [db, farm] = await Promise.all([openTargetDatabase(), startTargetFarm()]);
  const env = {
    ENV_FILE: '/dev/null',
    DATABASE_URL: db.url,
    TEMPORAL_ADDRESS: process.env[TEST_TEMPORAL_ADDRESS] ?? '',
    TASK_QUEUE_PREFIX: taskQueuePrefix,
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    RECONCILE_INTERVAL_SECONDS: '86400',
    HEARTBEAT_INTERVAL_SECONDS: '86400',
  };
  const temporal = connectTemporal(loadConfig(env).temporal);
  return {
    ...{ db, temporal, taskQueuePrefix, farm, env },
    workflows: createHttpTargetWorkflows({
      temporal,
      taskQueuePrefix,
      installationId: () => readInstallationId(db.orm.em.fork()),
      onLeftToReconcile: (targetId, error) => {
        throw new Error(`${targetId} was left to reconcile`, { cause: error });
      },
    }),
    createTarget: () => db.create({ url: `${farm.origin}/${crypto.randomUUID()}`, checkIntervalSeconds: 5 }),
    handleOf: ({ id }) => handle(temporal, id),
    close: async () => {
      await Promise.all([temporal.close(), db.close(), farm.close()]);
    },
  };
}

function handle(temporal: TemporalConnection, id: string) {
  return temporal.client.workflow.getHandle<typeof httpTarget>(httpTargetWorkflowId(id));
}
