import type { AlertSource, Severity } from './alert.ts';

/** How a client wants to be told; durations in milliseconds. */
export interface AlertingRules {
  readonly isGroupingEnabled: boolean;
  /** Alerts that open within this time of an incident's opening join it. */
  readonly groupingWindowMs: number;
  /** How long a message waits for more of the same. */
  readonly groupWaitMs: number;
  /** How much longer a message about something new waits, in case it passes by itself. */
  readonly graceMs: number;
  /** 0 for no reminders. */
  readonly reminderMs: number;
  readonly notifyOnResolve: boolean;
}

/** An incident between two steps of a plan; times in UTC milliseconds. */
export interface Incident {
  readonly id: string;
  readonly number: number;
  readonly title: string;
  readonly type: AlertSource | 'mixed';
  readonly severity: Severity;
  readonly status: 'open' | 'resolved';
  readonly openedAt: number;
  /** When it was opened, or last reopened. */
  readonly activeSince: number;
  readonly resolvedAt: number | null;
  /** When an alert of it last opened or ended. */
  readonly lastChangeAt: number;
  readonly reopenings: number;
  readonly isFlapping: boolean;
  /** Set while all its open alerts are acknowledged. */
  readonly acknowledgedAt: number | null;
  /** The first and the last of what no message has told. */
  readonly untoldSince: number | null;
  readonly untoldUntil: number | null;
  /** The last message since it is active; null before the first. */
  readonly toldAt: number | null;
  /** How many messages were made of it. */
  readonly messages: number;
}

/** The alerts of an incident, counted. */
export interface AlertCounts {
  readonly firing: number;
  readonly acknowledged: number;
  readonly resolved: number;
  /** The worst of those that are open; of all, where none is. */
  readonly severity: Severity;
  readonly sources: readonly AlertSource[];
  /** When the last of them ended; null while none has. */
  readonly lastResolvedAt: number | null;
}

/** The same source failing again within this time belongs to the same incident. */
export const REOPEN_WITHIN_MS = 10 * 60_000;
/** An incident that was reopened this often is flapping, */
const FLAPPING_AFTER = 3;
/** until nothing has happened for this long. */
export const QUIET_AFTER_MS = 3_600_000;

/** Where a new alert belongs. */
export type Place =
  { readonly kind: 'again' | 'beside'; readonly incident: Incident } | { readonly kind: 'new' };

/**
 * The incident of a new alert: that of the alert before it of the same source, when that ended at most ten minutes ago;
 * else, with grouping, one that opened within the window; else one of its own. A flapping incident takes nobody else's
 * alerts, since it is silent.
 *
 * @param before the last alert of the same source, with its incident
 * @param open the client's open incidents
 */
export function placeOf(
  triggeredAt: number,
  before: { readonly incident: Incident; readonly resolvedAt: number } | null,
  open: readonly Incident[],
  rules: Pick<AlertingRules, 'isGroupingEnabled' | 'groupingWindowMs'>,
): Place {
  if (before !== null && triggeredAt - before.resolvedAt <= REOPEN_WITHIN_MS) {
    return { kind: 'again', incident: before.incident };
  }
  if (!rules.isGroupingEnabled) return { kind: 'new' };
  const near = open
    .filter(({ isFlapping }) => !isFlapping)
    .filter(({ openedAt }) => Math.abs(triggeredAt - openedAt) <= rules.groupingWindowMs)
    .toSorted((a, b) => b.openedAt - a.openedAt);
  return near[0] === undefined ? { kind: 'new' } : { kind: 'beside', incident: near[0] };
}

/**
 * An alert of a source that is part of the incident already has opened again. A hundred sources that fail again together
 * reopen it once: what counts is how often it was over, and how often one source failed again while others kept it open.
 *
 * @param recurrences how often this source has failed again in this incident
 */
export function reopened(incident: Incident, at: number, recurrences: number): Incident {
  const reopenings = Math.max(incident.reopenings + (incident.status === 'resolved' ? 1 : 0), recurrences);
  const wasFlapping = incident.isFlapping;
  const isFlapping = wasFlapping || reopenings >= FLAPPING_AFTER;
  const lastChangeAt = Math.max(incident.lastChangeAt, at);
  const again: Incident = { ...incident, reopenings, isFlapping, lastChangeAt };
  if (incident.status === 'open' && isFlapping === wasFlapping) return again;
  return { ...again, status: 'open', resolvedAt: null, activeSince: at, acknowledgedAt: null, toldAt: null };
}

/** Something new about the incident has to be told; a flapping one has been told of once and is silent then. */
export function withNews(incident: Incident, at: number): Incident {
  const changed = { ...incident, lastChangeAt: Math.max(incident.lastChangeAt, at) };
  if (incident.isFlapping && incident.toldAt !== null) return changed;
  return {
    ...changed,
    untoldSince: Math.min(incident.untoldSince ?? at, at),
    untoldUntil: Math.max(incident.untoldUntil ?? at, at),
  };
}

/** What its alerts make of an incident; a flapping one stays open until it has been quiet for an hour. */
export function settled(incident: Incident, counts: AlertCounts, now: number): Incident {
  const isOpen = counts.firing + counts.acknowledged > 0;
  const isQuiet = now - incident.lastChangeAt >= QUIET_AFTER_MS;
  const isFlapping = incident.isFlapping && !isQuiet;
  const [source] = counts.sources;
  const next: Incident = {
    ...incident,
    isFlapping,
    severity: counts.severity,
    type: counts.sources.length === 1 && source !== undefined ? source : 'mixed',
    acknowledgedAt: isOpen && counts.firing === 0 ? (incident.acknowledgedAt ?? now) : null,
  };
  if (isOpen || isFlapping || incident.status === 'resolved') return next;
  const wasTold = incident.toldAt !== null;
  return {
    ...next,
    status: 'resolved',
    resolvedAt: counts.lastResolvedAt ?? now,
    untoldSince: wasTold ? now : null,
    untoldUntil: wasTold ? now : null,
  };
}

/** What has to be said about an incident next, and when; null for nothing. */
export interface DueMessage {
  readonly kind: 'opened' | 'updated' | 'reopened' | 'flapping' | 'reminder' | 'resolved';
  readonly at: number;
}

/**
 * The next message about an incident. What is new waits for more of the same: `groupWaitMs`, a third of it after the
 * last that came, and three times as long at most, so that a storm of a minute is one message.
 */
export function nextMessage(incident: Incident, rules: AlertingRules): DueMessage | null {
  const { status, isFlapping, toldAt, untoldSince } = incident;
  if (status === 'resolved') return untoldSince === null ? null : { kind: 'resolved', at: untoldSince };
  if (untoldSince !== null) {
    if (isFlapping) return { kind: 'flapping', at: untoldSince };
    const kind =
      toldAt !== null ? 'updated' : incident.reopenings > 0 && incident.messages > 0 ? 'reopened' : 'opened';
    return { kind, at: groupedUntil(incident, untoldSince, rules) + rules.graceMs };
  }
  const isReminded = rules.reminderMs > 0 && incident.acknowledgedAt === null && !isFlapping;
  return isReminded && toldAt !== null ? { kind: 'reminder', at: toldAt + rules.reminderMs } : null;
}

function groupedUntil(
  { untoldUntil }: Incident,
  untoldSince: number,
  { isGroupingEnabled, groupWaitMs }: AlertingRules,
): number {
  if (!isGroupingEnabled) return untoldSince;
  const quiet = (untoldUntil ?? untoldSince) + groupWaitMs / 3;
  return Math.min(untoldSince + 3 * groupWaitMs, Math.max(untoldSince + groupWaitMs, quiet));
}

/** When an incident that nobody has acknowledged goes to a channel of the escalation chain; null when it does not. */
export function escalatesAt(
  { status, acknowledgedAt, isFlapping, activeSince, toldAt }: Incident,
  escalationMinutes: number,
): number | null {
  const isWaiting = status === 'open' && acknowledgedAt === null && !isFlapping && toldAt !== null;
  return isWaiting && escalationMinutes > 0 ? activeSince + escalationMinutes * 60_000 : null;
}

/** When a flapping incident would have been quiet for long enough; null when it is not flapping. */
export function quietAt({ isFlapping, lastChangeAt }: Incident): number | null {
  return isFlapping ? lastChangeAt + QUIET_AFTER_MS : null;
}
