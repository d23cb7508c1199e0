import { join } from 'node:path';
import { NativeConnection, Runtime, DefaultLogger } from '@temporalio/worker';
import { loadConfig, ConfigError, type Config } from '../src/config.ts';
import { readInstallationId } from '../src/db/repositories/watchedTargets.ts';
import { createLogger, type Logger } from '../src/logger.ts';
import { serveMetrics } from '../src/metrics/metricsServer.ts';
import { endWithParent } from '../src/start/endWithParent.ts';
import { cachedBundle } from './cachedBundle.ts';
import { connectTemporal } from './client.ts';
import { taskQueue } from './names.ts';
import { ensureSchedules } from './schedules.ts';
import { requireSearchAttributes, SearchAttributesMissingError } from './searchAttributes.ts';
import { ensureSelfTest } from './selfTest.ts';
import { retryUntil } from './retryUntil.ts';
import { createTaskQueueWorkers } from './taskQueueWorkers.ts';
import { workerConnectionOptions } from './workerConnection.ts';
import { openWorkerDatabase } from './workerDatabase.ts';
import { createWorkerServices } from './workerServices.ts';

/** Of the worker of deliveries, which has none on purpose. */
const EXPECTED_WARNING = 'No workflows registered, not polling for workflow tasks';

/** Runs workflows and activities until it is told to stop; then probes are cancelled and move to another worker. */
export async function runWorker(config: Config, logger: Logger, stop: AbortSignal): Promise<void> {
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      if (message === EXPECTED_WARNING) return;
      logger[level === 'ERROR' ? 'error' : 'warn']({ temporal: meta }, message);
    }),
    shutdownSignals: [],
  });
  const database = openWorkerDatabase(config);
  const temporal = connectTemporal(config.temporal);
  const waiting = { logger, signal: stop };

  const bundle = cachedBundle({
    directory: join(config.dataDir, 'cache'),
    signal: stop,
    onCacheFailure: (error) => logger.warn({ err: error }, 'the workflow bundle cannot be kept'),
  });
  bundle.catch(() => undefined); // awaited below; the waits before that may be long
  const installationId = await retryUntil('the migrated database', waiting, () =>
    readInstallationId(database.reader.em.fork()),
  );
  const connection = await retryUntil('Temporal', waiting, () =>
    NativeConnection.connect(workerConnectionOptions(config.temporal)),
  );
  await requireSearchAttributes(temporal.client, config.temporal.namespace);

  const { taskQueuePrefix, namespace } = config.temporal;
  const workflowBundle = { code: await bundle };
  const {
    activities,
    metrics,
    stop: stopServices,
  } = createWorkerServices({
    ...{ config, database, temporal, installationId, logger },
  });
  const metricsServer =
    config.workerMetrics === null
      ? null
      : await serveMetrics({ ...config.workerMetrics, registry: metrics.registry, logger });
  const workers = await createTaskQueueWorkers({
    ...{ connection, namespace, taskQueuePrefix, workflowBundle, activities },
  });

  const running = workers.run();
  let servicesEnded = Promise.resolve();
  const shutdown = (): void => {
    workers.shutdown();
    servicesEnded = stopServices();
  };
  stop.addEventListener('abort', shutdown, { once: true });
  if (stop.aborted) shutdown();
  try {
    await ensureSchedules(temporal.client, {
      reconcileIntervalSeconds: config.reconcileIntervalSeconds,
      heartbeatIntervalSeconds: config.heartbeatIntervalSeconds,
      evaluationIntervalSeconds: config.evaluationIntervalSeconds,
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
  await servicesEnded;
  await metricsServer?.close();
  await Promise.all([database.close(), temporal.close(), connection.close()]);
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
