import type { ClientOutlook } from '../../domain/clientOutlook.ts';

/** What is to be done for a client now, and when it has to be looked at again. */
export interface ClientPlan extends ClientOutlook {
  /** From now on, in milliseconds; null until there is news. */
  readonly nextInMs: number | null;
}

/** What the workflow of a client runs. */
export interface NotificationActivities {
  /** Makes incidents of what has happened to alerts, and messages of what has to be said. May be repeated. */
  planNotifications(clientId: string): Promise<ClientPlan>;
}

/** What came of a message: `success`, `failed`, or why it was skipped. */
export interface Delivered {
  readonly status: string;
}

/** What runs on a task queue of its own. */
export interface DeliveryActivities {
  /**
   * Sends a message to its channel; the retries of this activity are the retries of the message.
   *
   * @throws NotDelivered, with the delay of the next try
   */
  deliverNotification(notificationId: string): Promise<Delivered>;
}

export interface AlertSweepReport {
  /** Alerts that were missing, and alerts whose fault was over. */
  readonly opened: number;
  readonly changed: number;
  readonly resolved: number;
  /** Workflows that should have run and did not. */
  readonly started: number;
}

export interface AlertSweepActivities {
  sweepAlerts(): Promise<AlertSweepReport>;
}
