import { moreAlerts, type IncidentMessage } from '../domain/incidentMessage.ts';
import type { Delivery } from './channel.ts';
import { plainText } from './words.ts';

/** What a webhook is posted. Times are ISO 8601 in UTC. */
export interface WebhookBody {
  /** The same in every attempt: whoever has seen it may ignore it. */
  readonly id: string;
  readonly event: IncidentMessage['kind'];
  /** 1 for the first. */
  readonly attempt: number;
  /** An attempt before this one may have been sent. */
  readonly possible_duplicate: boolean;
  /** When this attempt was made. */
  readonly sent_at: string;
  /** When the message was made: the moment that it tells of. */
  readonly at: string;
  readonly severity: IncidentMessage['severity'];
  readonly headline: string;
  /** Null for a test. */
  readonly incident: {
    readonly id: string;
    readonly number: number;
    readonly title: string;
    readonly opened_at: string;
    readonly resolved_at: string | null;
    readonly is_flapping: boolean;
  } | null;
  /** Of all alerts of the incident; `more` are those that are not listed. */
  readonly counts: {
    readonly firing: number;
    readonly acknowledged: number;
    readonly resolved: number;
    readonly more: number;
  };
  /** At most 20: those that are not resolved first, the worst first, then the newest. */
  readonly alerts: readonly {
    readonly id: string;
    readonly source: string;
    readonly status: string;
    readonly severity: string;
    readonly text: string;
    readonly triggered_at: string;
    readonly resolved_at: string | null;
    readonly resolution: string | null;
    readonly temporal_url: string | null;
  }[];
  /** The whole message in words. */
  readonly text: string;
}

/** @param sentAt UTC milliseconds */
export function webhookBody(delivery: Delivery, sentAt: number): WebhookBody {
  const { notificationId, message, isPossibleDuplicate, attempt } = delivery;
  const { kind, at, severity, headline, incident, counts } = message;
  return {
    id: notificationId,
    event: kind,
    attempt,
    possible_duplicate: isPossibleDuplicate,
    sent_at: new Date(sentAt).toISOString(),
    ...{ at, severity, headline },
    incident: incident && {
      id: incident.id,
      number: incident.number,
      title: incident.title,
      opened_at: incident.openedAt,
      resolved_at: incident.resolvedAt,
      is_flapping: incident.isFlapping,
    },
    counts: {
      firing: counts.firing,
      acknowledged: counts.acknowledged,
      resolved: counts.resolved,
      more: moreAlerts(message),
    },
    alerts: message.alerts.map((alert) => ({
      id: alert.id,
      source: alert.source,
      status: alert.status,
      severity: alert.severity,
      text: alert.text,
      triggered_at: alert.triggeredAt,
      resolved_at: alert.resolvedAt,
      resolution: alert.resolution,
      temporal_url: alert.temporalUrl,
    })),
    text: plainText(message, isPossibleDuplicate),
  };
}
