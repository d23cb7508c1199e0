import {
  allHandlersFinished,
  condition,
  isCancellation,
  log,
  makeContinueAsNewFunc,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type {
  ClientPlan,
  DeliveryActivities,
  NotificationActivities,
} from '../activities/alerting/contracts.ts';
import { DeliveryQueue, type PlannedDelivery } from '../domain/deliveryQueue.ts';
import { describeNotifications, type NotificationsAtAGlance } from '../domain/notificationWords.ts';
import { MONITOR_STATUS } from './messages.ts';
import {
  newsSignal,
  notificationsQuery,
  type NotificationsInput,
  type NotificationsView,
} from './notificationMessages.ts';

/** A run is rolled into a new one when its history is this long or this old. */
const ROLL_AT_EVENTS = 400;
const ROLL_AT_AGE_MS = 24 * 3_600_000;

/** Between two looks that nothing but time has asked for. */
const SHORTEST_WAIT_MS = 100;

const { planNotifications } = proxyActivities<NotificationActivities>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: '5s',
  // Until Postgres is back: the alerts wait there.
  retry: { initialInterval: '500ms', maximumInterval: '10s' },
});

/**
 * Tells the people of one client, for as long as there is one: looks at what has happened, has Postgres make incidents
 * and messages of it, and sees to it that each message reaches its channel. All that matters stands in Postgres: this
 * workflow is its clock, and its retries.
 */
export async function notifications(input: NotificationsInput): Promise<void> {
  await new NotificationsWorkflow(input).run();
}

class NotificationsWorkflow {
  private readonly input: NotificationsInput;
  private readonly queue = new DeliveryQueue();
  private readonly deliveries: ReturnType<typeof proxyActivities<DeliveryActivities>>;
  private readonly startedAt = Date.now();
  private hasNews = false;
  private hasRoom = false;
  private glance: NotificationsAtAGlance = {
    openIncidents: 0,
    openAlerts: 0,
    pendingNotifications: 0,
    lastError: null,
  };
  private status = '';

  constructor(input: NotificationsInput) {
    this.input = input;
    this.deliveries = proxyActivities<DeliveryActivities>({
      taskQueue: input.deliveryTaskQueue,
      startToCloseTimeout: '10m',
      heartbeatTimeout: '5s',
      // The retries of a message: it says itself when it wants to be tried again, and when it gives up.
      retry: { initialInterval: '1s', maximumInterval: '1m' },
    });
    setHandler(newsSignal, () => {
      this.hasNews = true;
    });
    setHandler(notificationsQuery, () => this.view());
  }

  async run(): Promise<void> {
    for (;;) {
      this.hasNews = false;
      const plan = await planNotifications(this.input.clientId);
      this.queue.plan(plan.deliveries);
      this.send();
      this.show(plan);
      await this.wait(plan);
      if (this.shouldRoll()) await this.roll();
    }
  }

  /** Sleeps on a durable timer until something is due, or until there is news; what has room meanwhile is sent. */
  private async wait({ nextInMs, hasMore }: ClientPlan): Promise<void> {
    const until = nextInMs === null ? null : Date.now() + Math.max(nextInMs, SHORTEST_WAIT_MS);
    for (;;) {
      this.hasRoom = false;
      const isWoken = () => this.hasNews || this.hasRoom;
      if (until === null) await condition(isWoken);
      else if (!(await condition(isWoken, Math.max(1, until - Date.now())))) return;
      if (this.hasNews || hasMore || this.queue.inFlightCount === 0) return;
      this.send();
    }
  }

  private send(): void {
    for (const delivery of this.queue.takeReady()) void this.deliver(delivery);
  }

  private async deliver({ notificationId, words }: PlannedDelivery): Promise<void> {
    try {
      await this.deliveries.deliverNotification.executeWithOptions({ summary: words }, [notificationId]);
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('a message was not delivered', { notificationId, error: String(error) });
    }
    this.queue.ended(notificationId);
    this.hasRoom = true;
  }

  /** What ops see in the Temporal UI: the status changes with what is open, the words with every look. */
  private show({ openIncidents, openAlerts, pendingNotifications, lastError }: ClientPlan): void {
    this.glance = { openIncidents, openAlerts, pendingNotifications, lastError };
    setCurrentDetails(describeNotifications(this.glance));
    const status = openIncidents === 0 ? 'QUIET' : 'OPEN';
    if (status !== this.status) upsertSearchAttributes([{ key: MONITOR_STATUS, value: status }]);
    this.status = status;
  }

  private view(): NotificationsView {
    return { ...this.glance, words: describeNotifications(this.glance), inFlight: this.queue.inFlightCount };
  }

  /** Asked just after something woke the workflow. */
  private shouldRoll(): boolean {
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    const isLong = continueAsNewSuggested || historyLength >= ROLL_AT_EVENTS;
    return (isLong || Date.now() - this.startedAt >= ROLL_AT_AGE_MS) && allHandlersFinished();
  }

  /** Messages on their way stand in the ledger, which lets nobody begin one twice: the next run goes on with them. */
  private async roll(): Promise<never> {
    const { memo, typedSearchAttributes } = workflowInfo();
    const continueAsNew = makeContinueAsNewFunc<typeof notifications>({
      typedSearchAttributes,
      ...(memo === undefined ? {} : { memo }),
    });
    return continueAsNew(this.input);
  }
}
