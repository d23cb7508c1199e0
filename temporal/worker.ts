import { NativeConnection, Runtime, Worker, DefaultLogger } from '@temporalio/worker';
import { createActivities } from '../src/activities/index.ts';
import { Recorder } from '../src/activities/recorder.ts';
import { loadConfig, ConfigError, type Config } from '../src/config.ts';
import { createSecretBox } from '../src/db/encryption.ts';
import { createOrm } from '../src/db/orm.ts';
import { CheckRepository } from '../src/db/repositories/checks.ts';
import { readInstallationId, WatchedTargetRepository } from '../src/db/repositories/watchedTargets.ts';
import { createLogger, type Logger } from '../src/logger.ts';
import { createAddressGuard } from '../src/net/addressGuard.ts';
import { endWithParent } from '../src/start/endWithParent.ts';
import { bundleWorkflows } from './bundle.ts';
import { connectionOptions, connectTemporal } from './client.ts';
import { taskQueue } from './names.ts';
import { ensureReconcileSchedule } from './reconcileSchedule.ts';
import { requireSearchAttributes, SearchAttributesMissingError } from './searchAttributes.ts';
import { ensureSelfTest } from './selfTest.ts';
import { createTargetDirectory } from './targetDirectory.ts';
import { retryUntil } from './retryUntil.ts';

/** Connections of the recorder's pool: it writes groups, so two keep Postgres busy. */
const RECORDER_POOL = 2;
const READER_POOL = 4;
/** A stepping workflow that is not cached is replayed for each check; about 0.4 MB each. */
const MAX_CACHED_WORKFLOWS = 2_000;
/**
 * Workflow tasks are CPU work on one thread, and their time limit runs from when they are taken: more of them
 * at once, each with a history to replay, all run out of time together, again and again.
 */
const MAX_WORKFLOW_TASKS = 4;
/** Probes in flight; each holds a socket, and many systems allow 1,024 open files. */
const MAX_ACTIVITIES = 500;

/** Runs workflows and activities until it is told to stop; then probes are cancelled and move to another worker. */
export async function runWorker(config: Config, logger: Logger, stop: AbortSignal): Promise<void> {
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      logger[level === 'ERROR' ? 'error' : 'warn']({ temporal: meta }, message);
    }),
    shutdownSignals: [],
  });
  const { url } = config.database;
  const recorderOrm = createOrm({ url, applicationName: 'monitoring-recorder', poolSize: RECORDER_POOL });
  const readerOrm = createOrm({ url, applicationName: 'monitoring-worker', poolSize: READER_POOL });
  const temporal = connectTemporal(config.temporal);
  const waiting = { logger, signal: stop };

  const bundle = bundleWorkflows();
  bundle.catch(() => undefined); // awaited below; the waits before that may be long
  const installationId = await retryUntil('the migrated database', waiting, () =>
    readInstallationId(readerOrm.em.fork()),
  );
  const connection = await retryUntil('Temporal', waiting, () =>
    NativeConnection.connect(connectionOptions(config.temporal)),
  );
  await requireSearchAttributes(temporal.client, config.temporal.namespace);

  const { taskQueuePrefix, namespace } = config.temporal;
  const watchedTargets = new WatchedTargetRepository(
    readerOrm.em.fork(),
    createSecretBox(config.encryptionKey),
  );
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: taskQueue(taskQueuePrefix),
    workflowBundle: await bundle,
    activities: createActivities({
      checks: new CheckRepository(readerOrm.em.fork()),
      recorder: new Recorder({
        checks: new CheckRepository(recorderOrm.em.fork()),
        onError: (error, groupSize) => logger.warn({ err: error, groupSize }, 'results were not committed'),
      }),
      watchedTargets,
      workflows: createTargetDirectory({
        client: temporal.client,
        watchedTargets,
        installationId,
        taskQueuePrefix,
      }),
      installationId,
      guard: createAddressGuard({ blockPrivate: config.blockPrivateTargets }),
      clock: { now: () => Date.now() },
      onFault: (error, targetId) => logger.warn({ err: error, targetId }, 'a fault of ours'),
    }),
    maxCachedWorkflows: MAX_CACHED_WORKFLOWS,
    maxConcurrentActivityTaskExecutions: MAX_ACTIVITIES,
    maxConcurrentWorkflowTaskExecutions: MAX_WORKFLOW_TASKS,
    // A killed worker's workflows go on elsewhere after this long.
    stickyQueueScheduleToStartTimeout: '1s',
    // Cancellation reaches a probe with its next heartbeat.
    maxHeartbeatThrottleInterval: '500ms',
    defaultHeartbeatThrottleInterval: '500ms',
    shutdownGraceTime: '1s',
    shutdownForceTime: '6s',
  });

  const running = worker.run();
  const shutdown = (): void => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  stop.addEventListener('abort', shutdown, { once: true });
  if (stop.aborted) shutdown();
  try {
    await ensureReconcileSchedule(temporal.client, {
      intervalSeconds: config.reconcileIntervalSeconds,
      taskQueuePrefix,
    });
    await ensureSelfTest(temporal.client, taskQueuePrefix);
    logger.info({ taskQueue: taskQueue(taskQueuePrefix), namespace }, 'worker is polling');
  } catch (error) {
    logger.error({ err: error }, 'the worker could not set itself up');
    shutdown();
    await running;
    throw error;
  }
  await running;
  await Promise.all([recorderOrm.close(), readerOrm.close(), temporal.close(), connection.close()]);
}

async function main(): Promise<void> {
  const stop = new AbortController();
  let logger: Logger | null = null;
  try {
    const config = loadConfig();
    logger = createLogger(config.logLevel, 'worker');
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
    endWithParent(() => stop.abort());
    await runWorker(config, logger, stop.signal);
    process.exit(0);
  } catch (error) {
    if (stop.signal.aborted) process.exit(0);
    const isForPeople = error instanceof ConfigError || error instanceof SearchAttributesMissingError;
    process.stderr.write(`${isForPeople ? error.message : String(error)}\n`);
    logger?.fatal({ err: error }, 'the worker stopped');
    process.exit(1);
  }
}

if (import.meta.main) await main();
