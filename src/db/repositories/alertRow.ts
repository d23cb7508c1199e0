import type { AlertSource, AlertStatus, Severity } from '../../domain/alert.ts';

/** An alert as its owner sees it. */
export interface Alert {
  readonly id: string;
  readonly clientId: string;
  readonly source: AlertSource;
  readonly status: AlertStatus;
  readonly severity: Severity;
  /** What is wrong and why, in words. */
  readonly message: string;
  /** What the words are made of: failure_class, status_code, response_time_ms … */
  readonly details: Readonly<Record<string, unknown>>;
  readonly httpTargetId: string | null;
  readonly machineId: string | null;
  readonly metricInstanceId: string | null;
  /** Null where it is about no machine. */
  readonly hostname: string | null;
  /** Null for the moment until it is grouped. */
  readonly incidentId: string | null;
  readonly triggeredAt: Date;
  readonly acknowledgedAt: Date | null;
  readonly acknowledgedBy: string | null;
  readonly acknowledgementNote: string | null;
  readonly acknowledgementExpiresAt: Date | null;
  readonly resolvedAt: Date | null;
  /** Null where it was resolved by itself. */
  readonly resolvedBy: string | null;
  /** Why it is over. */
  readonly resolution: string | null;
}

/** Timestamps come as text. */
export type AlertRow = Omit<
  Alert,
  'triggeredAt' | 'acknowledgedAt' | 'acknowledgementExpiresAt' | 'resolvedAt'
> & {
  triggeredAt: string;
  acknowledgedAt: string | null;
  acknowledgementExpiresAt: string | null;
  resolvedAt: string | null;
  /** As cursors have it, to the microsecond. */
  triggered_at_exactly: string;
};

export function toAlert({ triggered_at_exactly: _, ...row }: AlertRow): Alert {
  return {
    ...row,
    triggeredAt: new Date(row.triggeredAt),
    acknowledgedAt: toDate(row.acknowledgedAt),
    acknowledgementExpiresAt: toDate(row.acknowledgementExpiresAt),
    resolvedAt: toDate(row.resolvedAt),
  };
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
