import { once } from 'node:events';
import { createServer } from 'node:http';
import { pino } from 'pino';
import { loadConfig } from '../../src/config.ts';
import type { Target } from '../../src/db/repositories/httpTargetRow.ts';
import { readInstallationId } from '../../src/db/repositories/watchedTargets.ts';
import type { httpTarget } from '../../src/workflows/index.ts';
import { connectTemporal, type TemporalConnection } from '../../temporal/client.ts';
import { createHttpTargetWorkflows, type HttpTargetWorkflows } from '../../temporal/httpTargetWorkflows.ts';
import { httpTargetWorkflowId } from '../../temporal/names.ts';
import { runWorker } from '../../temporal/worker.ts';
import { TEST_TEMPORAL_ADDRESS } from './serversSetup.ts';
import { openTargetDatabase, type TargetDatabase } from './targets.ts';

/** A worker as in production, on the test run's Postgres and Temporal, with a task queue of its own. */
export interface RealWorker {
  readonly db: TargetDatabase;
  readonly temporal: TemporalConnection;
  readonly workflows: HttpTargetWorkflows;
  readonly taskQueuePrefix: string;
  /** A server that answers 200 to everything. */
  readonly serverUrl: string;
  /** A row, without a workflow. */
  readonly createTarget: () => Promise<Target>;
  readonly handleOf: (target: Pick<Target, 'id'>) => ReturnType<typeof handle>;
  readonly stop: () => Promise<void>;
}

export async function startRealWorker(): Promise<RealWorker> {
  const taskQueuePrefix = `test-${crypto.randomUUID()}-`;
  const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const serverUrl = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const db = await openTargetDatabase();
  const config = loadConfig({
    ENV_FILE: '/dev/null',
    DATABASE_URL: db.url,
    TEMPORAL_ADDRESS: process.env[TEST_TEMPORAL_ADDRESS],
    TASK_QUEUE_PREFIX: taskQueuePrefix,
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    RECONCILE_INTERVAL_SECONDS: '86400',
  });
  const temporal = connectTemporal(config.temporal);
  const stop = new AbortController();
  const worker = runWorker(config, pino({ level: 'silent' }), stop.signal);
  return {
    db,
    temporal,
    workflows: createHttpTargetWorkflows({
      temporal,
      taskQueuePrefix,
      installationId: () => readInstallationId(db.orm.em.fork()),
      onLeftToReconcile: (targetId, error) => {
        throw new Error(`${targetId} was left to reconcile`, { cause: error });
      },
    }),
    taskQueuePrefix,
    serverUrl,
    createTarget: () => db.create({ url: `${serverUrl}/${crypto.randomUUID()}`, checkIntervalSeconds: 5 }),
    handleOf: ({ id }) => handle(temporal, id),
    stop: async () => {
      stop.abort();
      await worker;
      await temporal.close();
      await db.close();
      server.close();
    },
  };
}

function handle(temporal: TemporalConnection, id: string) {
  return temporal.client.workflow.getHandle<typeof httpTarget>(httpTargetWorkflowId(id));
}
