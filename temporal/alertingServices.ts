import type {
  AlertSweepActivities,
  DeliveryActivities,
  NotificationActivities,
} from '../src/activities/alerting/contracts.ts';
import { createDeliveryActivities } from '../src/activities/alerting/deliverNotification.ts';
import { createNotificationActivities } from '../src/activities/alerting/planNotifications.ts';
import { createSendToTarget } from '../src/activities/alerting/sendToTarget.ts';
import { createAlertSweepActivities } from '../src/activities/alerting/sweepAlerts.ts';
import { tellAlertNews } from '../src/activities/alerting/tellAlertNews.ts';
import type { Config } from '../src/config.ts';
import { createSecretBox } from '../src/db/encryption.ts';
import { AlertNewsRepository } from '../src/db/repositories/alerting/alertNews.ts';
import { ClientPlanRepository } from '../src/db/repositories/alerting/clientPlan.ts';
import { NotificationLedger } from '../src/db/repositories/alerting/ledger.ts';
import { AlertSyncRepository } from '../src/db/repositories/alerting/syncAlerts.ts';
import { createFaultPoints } from '../src/faultPoints.ts';
import type { Logger } from '../src/logger.ts';
import type { WorkerMetrics } from '../src/metrics/workerMetrics.ts';
import { createAddressGuard } from '../src/net/addressGuard.ts';
import type { TemporalConnection } from './client.ts';
import { alertUrl } from './names.ts';
import { createNotificationWorkflows } from './notificationWorkflows.ts';
import type { WorkerDatabase } from './workerDatabase.ts';

/** What of a worker process tells people. */
export interface Alerting {
  readonly sweep: AlertSweepActivities;
  readonly notifications: NotificationActivities;
  readonly deliveries: DeliveryActivities;
  /** Resolves when it goes on no longer after its signal. */
  readonly ended: Promise<void>;
}

interface AlertingOptions {
  readonly config: Config;
  readonly database: Pick<WorkerDatabase, 'alerting' | 'ledger'>;
  readonly temporal: TemporalConnection;
  readonly installationId: string;
  readonly logger: Logger;
  readonly metrics: Pick<WorkerMetrics, 'delivered'>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

export function createAlerting(options: AlertingOptions): Alerting {
  const { config, database, temporal, installationId, logger, metrics, signal } = options;
  const clock = { now: () => Date.now() };
  const reach = createFaultPoints(config.faultPoint);
  const news = new AlertNewsRepository(database.alerting.em.fork());
  const { taskQueuePrefix } = config.temporal;
  const workflows = createNotificationWorkflows({
    ...{ client: temporal.client, installationId, taskQueuePrefix },
  });
  const plans = new ClientPlanRepository(database.alerting.em.fork(), {
    defaults: config.notifications,
    runUrl: (source) => alertUrl(source, config.temporal),
    reach,
  });
  return {
    sweep: createAlertSweepActivities({
      ...{ news, workflows },
      alerts: new AlertSyncRepository(database.alerting.em.fork()),
    }),
    notifications: createNotificationActivities({ plans, clock }),
    deliveries: createDeliveryActivities({
      ...{ clock, reach },
      ledger: new NotificationLedger(database.ledger.em.fork()),
      send: createSendToTarget({
        ...{ clock, defaults: config.notifications },
        secrets: createSecretBox(config.encryptionKey),
        guard: createAddressGuard({ blockPrivate: config.blockPrivateTargets }),
      }),
      onAttempt: (channel, result) => metrics.delivered(channel, result),
      onFault: (error, notificationId) =>
        logger.warn(
          { err: error, notificationId },
          'a message was not sent, or the ledger did not take what became of it',
        ),
    }),
    ended: tellAlertNews({
      ...{ databaseUrl: config.database.url, news, workflows, signal, reach },
      onFault: (error) => logger.warn({ err: error }, 'news of alerts was not told'),
    }),
  };
}
