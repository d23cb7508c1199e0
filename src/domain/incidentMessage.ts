import type { AlertSource, AlertStatus, Severity } from './alert.ts';

/** Why something is said about an incident; `test` is said about none. */
export const MESSAGE_KINDS = [
  'opened',
  'updated',
  'reopened',
  'flapping',
  'reminder',
  'escalated',
  'resolved',
  'test',
] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** An alert as it is told. */
export interface ToldAlert {
  readonly id: string;
  readonly source: AlertSource;
  readonly status: AlertStatus;
  readonly severity: Severity;
  /** In words, what it is about and why: "shop is down: Connection refused by shop.example:443". */
  readonly text: string;
  /** ISO 8601 in UTC, as all times here. */
  readonly triggeredAt: string;
  readonly resolvedAt: string | null;
  /** Why it is over: "answers again", "the target was deleted"; null while it is not. */
  readonly resolution: string | null;
  /** The run in the Temporal UI; null where no UI is configured. */
  readonly temporalUrl: string | null;
}

/**
 * What is said about an incident at one moment: made once, kept in Postgres as JSON, and the same for every channel and
 * every attempt.
 */
export interface IncidentMessage {
  readonly kind: MessageKind;
  readonly severity: Severity;
  /** One line without a full stop: "DOWN: shop", "12 alerts: shop, api and 10 more". */
  readonly headline: string;
  /** When it was made. */
  readonly at: string;
  /** Null for a test. */
  readonly incident: {
    readonly id: string;
    readonly number: number;
    readonly title: string;
    readonly openedAt: string;
    readonly resolvedAt: string | null;
    readonly isFlapping: boolean;
  } | null;
  readonly counts: { readonly firing: number; readonly acknowledged: number; readonly resolved: number };
  /** At most 20: those that are not resolved first, the worst first, then the newest. */
  readonly alerts: readonly ToldAlert[];
}

/** Alerts of a message beyond those that it lists. */
export function moreAlerts({ counts, alerts }: Pick<IncidentMessage, 'counts' | 'alerts'>): number {
  return Math.max(0, counts.firing + counts.acknowledged + counts.resolved - alerts.length);
}
