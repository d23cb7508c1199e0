import type { PlannedDelivery } from './deliveryQueue.ts';
import type { NotificationsAtAGlance } from './notificationWords.ts';

/** What there is to say for a client, as Postgres knows it. */
export interface ClientOutlook extends NotificationsAtAGlance {
  /** The first few of each channel, the oldest first. */
  readonly deliveries: readonly PlannedDelivery[];
  /** There are more of some channel. */
  readonly hasMore: boolean;
}
