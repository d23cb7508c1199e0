import { cut } from './cut.ts';
import type { IncidentMessage, MessageKind } from './incidentMessage.ts';

const MAX_HEADLINE = 200;

/** What a headline is made of. */
export interface Headlined {
  readonly kind: MessageKind;
  /** Of all alerts of the incident. */
  readonly counts: IncidentMessage['counts'];
  /** What the first three alerts are about, and how many sources there are in all. */
  readonly subjects: readonly string[];
  readonly sourcesCount: number;
  /** The same of those that are open. */
  readonly openSubjects: readonly string[];
  /** The words of the first alert. */
  readonly firstMessage: string;
  /** Why the only alert is over. */
  readonly resolution: string | null;
}

/** The one line of a message: "Again: shop is down: Connection refused", "14 alerts: shop, api and 12 more". */
export function headline({ kind, counts, firstMessage, resolution, ...about }: Headlined): string {
  const { subjects, sourcesCount, openSubjects } = about;
  const all = counts.firing + counts.acknowledged + counts.resolved;
  const open = counts.firing + counts.acknowledged;
  if (kind === 'resolved') {
    const what =
      all === 1
        ? `${subjects[0] ?? 'The alert'}: ${resolution ?? 'resolved'}`
        : `All ${all} alerts are resolved: ${listed(subjects, sourcesCount)}`;
    return cut(what, MAX_HEADLINE);
  }
  const how = open === all ? `${all} alerts` : `${open} of ${all} alerts are open`;
  return cut(
    `${PREFIXES[kind]}${all === 1 ? firstMessage : `${how}: ${listed(openSubjects, open)}`}`,
    MAX_HEADLINE,
  );
}

/** What lists call an incident. */
export function incidentTitle({
  counts,
  subjects,
  sourcesCount,
  firstMessage,
}: Pick<Headlined, 'counts' | 'subjects' | 'sourcesCount' | 'firstMessage'>): string {
  const all = counts.firing + counts.acknowledged + counts.resolved;
  return cut(all === 1 ? firstMessage : `${all} alerts: ${listed(subjects, sourcesCount)}`, MAX_HEADLINE);
}

/** How an incident stands: "3 of 14 alerts are open; not acknowledged". */
export function describeIncident({
  status,
  alertsCount,
  openAlertsCount,
  isAcknowledged,
  isFlapping,
}: {
  readonly status: 'open' | 'resolved';
  readonly alertsCount: number;
  readonly openAlertsCount: number;
  /** Each of its open alerts is. */
  readonly isAcknowledged: boolean;
  readonly isFlapping: boolean;
}): string {
  const all = `${alertsCount} ${alertsCount === 1 ? 'alert' : 'alerts'}`;
  if (status === 'resolved') return alertsCount === 1 ? 'Its alert is over' : `All ${all} are over`;
  const flapping = isFlapping ? '; flapping: it stays open until nothing has changed for an hour' : '';
  if (openAlertsCount === 0) return `None of ${all} is open${flapping}`;
  const open = `${openAlertsCount} of ${all} ${openAlertsCount === 1 ? 'is' : 'are'} open`;
  return `${open}; ${isAcknowledged ? 'acknowledged' : 'not acknowledged'}${flapping}`;
}

const PREFIXES: Readonly<Record<Exclude<MessageKind, 'resolved'>, string>> = {
  opened: '',
  updated: 'More: ',
  reopened: 'Again: ',
  flapping: 'Flapping: ',
  reminder: 'Still open: ',
  escalated: 'Nobody has acknowledged: ',
  test: '',
};

/** @param all how many there are, of which some are named */
function listed(subjects: readonly string[], all: number): string {
  const distinct = [...new Set(subjects)];
  const named = distinct.length <= 3 && distinct.length === all ? distinct : distinct.slice(0, 2);
  const more = all - named.length;
  if (more > 0) return `${named.join(', ')} and ${more} more`;
  return named.length < 2 ? named.join('') : `${named.slice(0, -1).join(', ')} and ${named.at(-1) ?? ''}`;
}
