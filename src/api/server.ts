import type { Server } from 'node:http';
import type { MikroORM } from '@mikro-orm/postgresql';
import { connectTemporal, type TemporalConnection } from '../../temporal/client.ts';
import { createHttpTargetWorkflows } from '../../temporal/httpTargetWorkflows.ts';
import { createMachineHeartbeats } from '../../temporal/machineHeartbeats.ts';
import { pingWorker, readTemporal } from '../../temporal/selfTest.ts';
import { ConfigError, loadConfig, type Config } from '../config.ts';
import { createSecretBox } from '../db/encryption.ts';
import { createOrm } from '../db/orm.ts';
import { IngestPulse } from '../db/repositories/ingestPulse.ts';
import { readInstallationId } from '../db/repositories/watchedTargets.ts';
import { createLogger, type Logger } from '../logger.ts';
import { createAddressGuard } from '../net/addressGuard.ts';
import { endWithParent } from '../start/endWithParent.ts';
import { createApp } from './app.ts';
import type { TemporalReadiness } from './health/readiness.ts';
import { createHttpServer } from './httpServer.ts';
import { beatPulse } from './ingest/beatPulse.ts';
import { IngestHealth } from './ingest/ingestHealth.ts';
import { loggableError } from './loggableError.ts';
import { migrateWhenReachable } from './migrateWhenReachable.ts';
import { StartFailure } from './startFailure.ts';

/** A little less than readiness waits, so that its answer says who is down. */
const READINESS_MS = 1_800;
const IN_FLIGHT_MS = 5_000;
const EXIT_MS = 7_500;

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
  endWithParent(() => stop.abort());
  try {
    const config = loadConfig();
    await runServer(config, createLogger(config.logLevel, 'api'), stop.signal);
    process.exit(0);
  } catch (error) {
    if (stop.signal.aborted) process.exit(0);
    const isForPeople = error instanceof ConfigError || error instanceof StartFailure;
    process.stderr.write(`${isForPeople ? error.message : String(loggableError(error).stack)}\n`);
    process.exit(1);
  }
}

/**
 * Migrates, serves until it is told to stop, then lets requests in flight finish.
 *
 * @throws ConfigError or an error of one sentence when it cannot start
 */
export async function runServer(config: Config, logger: Logger, stop: AbortSignal): Promise<void> {
  await migrateWhenReachable(config, logger, stop);
  const orm = createOrm({ url: config.database.url, applicationName: 'monitoring-api', poolSize: 10 });
  const temporal = connectTemporal(config.temporal);
  const clock = { now: () => Date.now() };
  const ingestHealth = new IngestHealth(clock);
  const app = createApp({
    config,
    orm,
    logger,
    secrets: createSecretBox(config.encryptionKey),
    addressGuard: createAddressGuard({ blockPrivate: config.blockPrivateTargets }),
    targetWorkflows: targetWorkflows(config, orm, temporal, logger),
    machineHeartbeats: machineHeartbeats(config, orm, temporal, logger),
    readiness: temporalReadiness(config, temporal),
    ingestHealth,
    clock,
    stopping: stop,
  });
  const server = createHttpServer(app);
  await listen(server, config.port);
  logger.info({ port: config.port }, 'API is listening');
  const pulse = keepPulse(config, ingestHealth, logger, stop);

  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  logger.info('API is shutting down');
  setTimeout(() => process.exit(1), EXIT_MS).unref();
  await closeServer(server);
  await Promise.all([orm.close(true), temporal.close(), pulse]);
}

/** On a connection of its own: however busy the others are, the pulse says that posts come through. */
async function keepPulse(
  config: Config,
  health: IngestHealth,
  logger: Logger,
  stop: AbortSignal,
): Promise<void> {
  const orm = createOrm({ url: config.database.url, applicationName: 'monitoring-pulse', poolSize: 1 });
  await beatPulse({
    pulse: new IngestPulse(orm.em.fork()),
    health,
    signal: stop,
    onFault: (error) =>
      logger.warn({ error: loggableError(error) }, 'the pulse of ingest could not be renewed'),
  });
  await orm.close(true);
}

function targetWorkflows(config: Config, orm: MikroORM, temporal: TemporalConnection, logger: Logger) {
  let installationId: string | null = null;
  return createHttpTargetWorkflows({
    temporal,
    taskQueuePrefix: config.temporal.taskQueuePrefix,
    installationId: async () => (installationId ??= await readInstallationId(orm.em.fork())),
    onLeftToReconcile: (targetId, error) => {
      logger.warn(
        { target_id: targetId, error: loggableError(error) },
        'Temporal is away: left to reconcile',
      );
    },
  });
}

function machineHeartbeats(config: Config, orm: MikroORM, temporal: TemporalConnection, logger: Logger) {
  let installationId: string | null = null;
  return createMachineHeartbeats({
    temporal,
    taskQueuePrefix: config.temporal.taskQueuePrefix,
    installationId: async () => (installationId ??= await readInstallationId(orm.em.fork())),
    onLeftToSweep: (machineId, error) => {
      logger.warn(
        { machine_id: machineId, error: loggableError(error) },
        'Temporal is away: left to the heartbeat sweep',
      );
    },
  });
}

function temporalReadiness(
  { temporal: { taskQueuePrefix } }: Config,
  temporal: TemporalConnection,
): TemporalReadiness {
  const asked = async (call: () => Promise<void>, whenDown: string): Promise<void> => {
    try {
      await temporal.within(READINESS_MS, call);
    } catch (error) {
      throw new Error(whenDown, { cause: error });
    }
  };
  return {
    checkTemporal: () =>
      asked(() => readTemporal(temporal.client, taskQueuePrefix), 'Temporal does not answer.'),
    checkWorker: () => asked(() => pingWorker(temporal.client, taskQueuePrefix), 'No worker answers.'),
  };
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new StartFailure(
              `Port ${port} is taken, so the API cannot start: free it, or set PORT to another one.`,
            )
          : error.code === 'EACCES'
            ? new StartFailure(`Port ${port} is not open to this user: set PORT to one above 1023.`)
            : error,
      );
    });
    server.listen(port, resolve);
  });
}

/** Takes no new requests; those in flight get 5 s. */
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  // A connection that was busy becomes idle when its answer is through.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const late = setTimeout(() => server.closeAllConnections(), IN_FLIGHT_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}

if (import.meta.main) await main();
