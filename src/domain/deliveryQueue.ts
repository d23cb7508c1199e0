/** A message that waits to be sent to one channel. */
export interface PlannedDelivery {
  readonly notificationId: string;
  readonly channelKey: string;
  /** Null for a test. */
  readonly incidentId: string | null;
  /** What ops see of it: "slack: opened #12". */
  readonly words: string;
}

/** Messages of one channel that are on their way at once, those that wait for their next attempt included. */
export const AT_ONCE_PER_CHANNEL = 3;

/**
 * Which of the planned messages are on their way. What is said to a channel about one incident is said in order; one
 * channel that hangs takes no room from the others.
 */
export class DeliveryQueue {
  private planned: readonly PlannedDelivery[] = [];
  private readonly inFlight = new Map<string, PlannedDelivery>();

  get inFlightCount(): number {
    return this.inFlight.size;
  }

  /** @param deliveries all that wait, the oldest first; those that are on their way may be among them */
  plan(deliveries: readonly PlannedDelivery[]): void {
    this.planned = deliveries.filter(({ notificationId }) => !this.inFlight.has(notificationId));
  }

  /** Takes those that may be sent now. */
  takeReady(): PlannedDelivery[] {
    const ready: PlannedDelivery[] = [];
    const left: PlannedDelivery[] = [];
    /** Nothing overtakes what waits. */
    const held = new Set([...this.inFlight.values()].map(conversationOf));
    const perChannel = countBy([...this.inFlight.values()], ({ channelKey }) => channelKey);
    for (const delivery of this.planned) {
      const { channelKey, notificationId } = delivery;
      const count = perChannel.get(channelKey) ?? 0;
      const conversation = conversationOf(delivery);
      if (count >= AT_ONCE_PER_CHANNEL || held.has(conversation)) left.push(delivery);
      else {
        ready.push(delivery);
        this.inFlight.set(notificationId, delivery);
        perChannel.set(channelKey, count + 1);
      }
      held.add(conversation);
    }
    this.planned = left;
    return ready;
  }

  /** It was sent, refused or given up. */
  ended(notificationId: string): void {
    this.inFlight.delete(notificationId);
  }
}

function conversationOf({ channelKey, incidentId, notificationId }: PlannedDelivery): string {
  return `${channelKey} ${incidentId ?? notificationId}`;
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}
