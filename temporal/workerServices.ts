import { createActivities } from '../src/activities/index.ts';
import type {
  AlertSweepActivities,
  DeliveryActivities,
  NotificationActivities,
} from '../src/activities/alerting/contracts.ts';
import type {
  Activities,
  EvaluationActivities,
  HeartbeatActivities,
  StorageActivities,
} from '../src/activities/contracts.ts';
import { createEvaluationActivities } from '../src/activities/evaluateMetrics.ts';
import { createHeartbeatActivities } from '../src/activities/heartbeats.ts';
import { openOwnNetwork } from '../src/activities/openOwnNetwork.ts';
import { Recorder } from '../src/activities/recorder.ts';
import { createStorageActivities } from '../src/activities/storage.ts';
import { TargetCache } from '../src/activities/targetCache.ts';
import { ProbeLimits } from '../src/activities/watch/probeLimits.ts';
import { startWatching, type WatchingOptions } from '../src/activities/watch/watching.ts';
import { tellingSilence } from '../src/activities/tellingSilence.ts';
import { watchSilence } from '../src/activities/watchSilence.ts';
import { watchTarget } from '../src/activities/watchTarget.ts';
import type { Config } from '../src/config.ts';
import { createSecretBox } from '../src/db/encryption.ts';
import { createFaultPoints } from '../src/faultPoints.ts';
import { AlertSyncRepository } from '../src/db/repositories/alerting/syncAlerts.ts';
import { CheckRepository } from '../src/db/repositories/checks.ts';
import { CHECK_ROLLUPS } from '../src/db/repositories/checkRollups.ts';
import { EvaluationRepository } from '../src/db/repositories/evaluation.ts';
import { IngestRepository } from '../src/db/repositories/ingests.ts';
import { OldAlerts } from '../src/db/repositories/oldAlerts.ts';
import { OldIngests } from '../src/db/repositories/oldIngests.ts';
import { OldMetrics } from '../src/db/repositories/oldMetrics.ts';
import { PartitionRepository } from '../src/db/repositories/partitions.ts';
import { Rollups } from '../src/db/repositories/rollups.ts';
import { SAMPLE_ROLLUPS } from '../src/db/repositories/sampleRollups.ts';
import { SilenceRepository } from '../src/db/repositories/silence.ts';
import { WatchedMachineRepository } from '../src/db/repositories/watchedMachines.ts';
import { WatchedTargetRepository } from '../src/db/repositories/watchedTargets.ts';
import { WatchRepository } from '../src/db/repositories/watches.ts';
import { WatchSummaryReader } from '../src/db/repositories/watchSummary.ts';
import { WorkerRepository } from '../src/db/repositories/workers.ts';
import type { Logger } from '../src/logger.ts';
import { WorkerMetrics } from '../src/metrics/workerMetrics.ts';
import { createAddressGuard } from '../src/net/addressGuard.ts';
import { processSpace } from '../src/start/processIdentity.ts';
import { createAlerting } from './alertingServices.ts';
import type { TemporalConnection } from './client.ts';
import { createMachineDirectory } from './machineDirectory.ts';
import { createTargetDirectory } from './targetDirectory.ts';
import { createWatchTokens } from './watchTokens.ts';
import type { WorkerDatabase } from './workerDatabase.ts';

/** Probes of watches at once; each holds a socket. */
const PROBES = { overall: 500, perHost: 100 };

export interface WorkerServicesOptions {
  readonly config: Config;
  readonly database: WorkerDatabase;
  readonly temporal: TemporalConnection;
  readonly installationId: string;
  readonly logger: Logger;
}

/** The activities of a worker process, by task queue. */
export interface WorkerActivities {
  readonly monitoring: Activities &
    AlertSweepActivities &
    EvaluationActivities &
    HeartbeatActivities &
    StorageActivities;
  readonly notifications: NotificationActivities;
  readonly deliveries: DeliveryActivities;
}

/** Everything that the activities of a worker process stand on. */
export interface WorkerServices {
  readonly activities: WorkerActivities;
  readonly metrics: WorkerMetrics;
  /** Ends what goes on beside the activities: watches are handed on. */
  readonly stop: () => Promise<void>;
}

export function createWorkerServices(options: WorkerServicesOptions): WorkerServices {
  const { config, database, temporal, installationId, logger } = options;
  const clock = { now: () => Date.now() };
  const onFault = (error: unknown, targetId: string) =>
    logger.warn({ err: error, targetId }, 'a fault of ours');
  const onMachineFault = (error: unknown, machineId: string) =>
    logger.warn({ err: error, machineId }, 'a fault of ours');
  const watchedTargets = new WatchedTargetRepository(
    database.reader.em.fork(),
    createSecretBox(config.encryptionKey),
  );
  const metrics = new WorkerMetrics();
  const recorder = new Recorder({
    checks: new CheckRepository(database.recorder.em.fork(), createFaultPoints(config.faultPoint)),
    onError: (error, groupSize) => logger.warn({ err: error, groupSize }, 'results were not committed'),
    onCommit: (commit) => metrics.committed(commit),
  });
  const limits = new ProbeLimits(PROBES);
  const workerId = crypto.randomUUID();
  const workers = new WorkerRepository(database.leases.em.fork(), () => ownNetwork?.lostAt ?? null);
  const ownNetwork = openOwnNetwork({
    ...{ workers, workerId, clock, logger },
    addresses: config.referenceAddresses,
    alerts: new AlertSyncRepository(database.leases.em.fork()),
  });
  metrics.networkGauge(() => typeof ownNetwork?.lostAt === 'number');
  const shared = {
    ...{ watchedTargets, clock, onFault, installationId, recorder, ownNetwork },
    targets: new TargetCache(watchedTargets),
    guard: createAddressGuard({ blockPrivate: config.blockPrivateTargets }),
    probes: { began: () => metrics.probeBegan(), ended: () => metrics.probeEnded() },
  };
  const worker = {
    id: workerId,
    name: config.workerName,
    host: processSpace(),
    pid: process.pid,
  };
  const watches = new WatchRepository(database.watches.em.fork(), watchedTargets);
  const watching = startWatching({
    ...shared,
    ...{ worker, workers, watches, limits, databaseUrl: config.database.url },
    summaries: new WatchSummaryReader(database.reader.em.fork()),
    tokens: createWatchTokens(temporal),
    ...countedBy(metrics),
    onTrouble: (error, what) => logger.warn({ err: error }, what),
  });
  metrics.watchGauges({
    watches: () => watching.host.count,
    probesWaiting: () => limits.waitingCount,
    resultsWaiting: () => recorder.waitingCount,
  });
  const watchDeps = { ...shared, host: watching.host, watches, workerId: worker.id };
  const watchedMachines = new WatchedMachineRepository(database.heartbeats.em.fork());
  const machineWorkflows = createMachineDirectory({
    ...{ client: temporal.client, installationId },
    taskQueuePrefix: config.temporal.taskQueuePrefix,
  });
  const silence = tellingSilence({
    ...{ watchedMachines, workflows: machineWorkflows },
    silence: new SilenceRepository(database.heartbeats.em.fork()),
    onFault: (error) => logger.warn({ err: error }, 'workflows of silent machines were not told'),
  });
  const machines = { silence, watchedMachines, workflows: machineWorkflows };
  const stopping = new AbortController();
  const watchingSilence = watchSilence({
    silence,
    signal: stopping.signal,
    onFault: (error) => logger.warn({ err: error }, 'the silence of machines is not watched'),
  });
  const alerting = createAlerting({ ...options, metrics, signal: stopping.signal });
  const monitoring: WorkerActivities['monitoring'] = {
    ...alerting.sweep,
    watchTarget: (input) => watchTarget(watchDeps, input),
    ...createActivities({
      ...shared,
      checks: new CheckRepository(database.reader.em.fork()),
      ingests: new IngestRepository(database.reader.em.fork()),
      partitions: new PartitionRepository(database.reader.em.fork()),
      onChecked: (result) => metrics.checked('step', result),
      workflows: createTargetDirectory({
        ...{ client: temporal.client, watchedTargets, installationId },
        taskQueuePrefix: config.temporal.taskQueuePrefix,
      }),
    }),
    ...createHeartbeatActivities({ ...machines, installationId, clock, onFault: onMachineFault }),
    ...createEvaluationActivities({
      evaluation: new EvaluationRepository(database.evaluation.em.fork()),
      clock,
      onFault: (error, clientId) => logger.warn({ err: error, clientId }, 'a client was not evaluated'),
    }),
    ...createStorageActivities({
      checkRollups: new Rollups(database.storage.em.fork(), CHECK_ROLLUPS),
      sampleRollups: new Rollups(database.storage.em.fork(), SAMPLE_ROLLUPS),
      partitions: new PartitionRepository(database.storage.em.fork()),
      oldIngests: new OldIngests(database.storage.em.fork()),
      oldMetrics: new OldMetrics(database.storage.em.fork()),
      oldAlerts: new OldAlerts(database.storage.em.fork()),
      ownerUrl: config.database.migrationUrl,
      retentionDays: { checks: config.retentionChecksDays, samples: config.retentionSamplesDays },
      clock,
    }),
  };
  const stop = async (): Promise<void> => {
    stopping.abort();
    ownNetwork?.stop();
    await Promise.all([watching.stop(), watchingSilence, alerting.ended]);
  };
  const { notifications, deliveries } = alerting;
  return { activities: { monitoring, notifications, deliveries }, metrics, stop };
}

/** What is counted of the watches of a worker. */
function countedBy(metrics: WorkerMetrics) {
  return {
    onChecked: (result) => metrics.checked('watch', result),
    onGone: (why) => metrics.watchGone(why),
    onClaimed: (count) => metrics.watchesClaimed(count),
    onLeaseLost: () => metrics.leaseLost(),
  } satisfies Pick<WatchingOptions, 'onChecked' | 'onGone' | 'onClaimed' | 'onLeaseLost'>;
}
