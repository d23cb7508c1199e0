import type { Kysely } from 'kysely';
import { escalatesAt, nextMessage, type Incident } from '../../../domain/incident.ts';
import type { IncidentDrafts } from '../../../domain/incidentDrafts.ts';
import { recipientsOf, takes, type Destination } from '../../../domain/routing.ts';
import type { ClientAlerting } from './clientAlerting.ts';
import { countAlerts, type CountedIncident } from './incidentRows.ts';
import {
  readHeardChannels,
  readListedAlerts,
  readRoutedAlerts,
  type HeardChannel,
  type MessageToMake,
  type RunUrl,
} from './messages.ts';

export interface DueMessagesInput {
  readonly clientId: string;
  readonly drafts: IncidentDrafts;
  readonly alerting: ClientAlerting;
  readonly counted: ReadonlyMap<string, CountedIncident>;
  /** UTC milliseconds. */
  readonly now: number;
  readonly runUrl: RunUrl;
}

/** The messages whose time has come; the drafts then say that they were told. */
export async function dueMessages(db: Kysely<object>, input: DueMessagesInput): Promise<MessageToMake[]> {
  const { drafts, alerting, now } = input;
  const { rules } = alerting;
  const due = drafts.all().flatMap((incident) => {
    const next = nextMessage(incident, rules);
    return next !== null && next.at <= now ? [{ incident, kind: next.kind }] : [];
  });
  const silent = new Set(
    due
      .filter(({ kind }) => kind === 'resolved' && !rules.notifyOnResolve)
      .map(({ incident }) => incident.id),
  );
  for (const { incident, kind } of due) {
    if (silent.has(incident.id)) drafts.put(told(incident, kind, now, false));
  }
  const toMake = due.filter(({ incident }) => !silent.has(incident.id));
  const said = await withRecipients(db, input, toMake);
  const escalated = await escalations(db, input, new Set(toMake.map(({ incident }) => incident.id)));
  for (const { incident, kind, recipients } of said) {
    drafts.put(told(incident, kind, now, true));
    if (recipients.length > 0) continue;
    const text = `Nobody was told (${kind}): no channel takes it`;
    drafts.note({ incidentId: incident.id, alertId: null, kind: 'notification', at: now, text, actor: null });
  }
  const made = new Set(said.map(({ incident }) => incident.id));
  for (const { incident, kind } of toMake) {
    // All its alerts are gone: there is nothing left to say.
    if (!made.has(incident.id)) drafts.put(told(incident, kind, now, false));
  }
  for (const { incident } of escalated) drafts.put(told(incident, 'escalated', now, true));
  return [...said, ...escalated];
}

/** When the next channel of the escalation chain is called; null when there is none to call. */
export async function nextEscalation(
  db: Kysely<object>,
  drafts: IncidentDrafts,
  alerting: ClientAlerting,
): Promise<number | null> {
  const waiting = await chains(db, drafts.all(), alerting.destinations);
  return waiting.length === 0 ? null : Math.min(...waiting.map(({ at }) => at));
}

async function withRecipients(
  db: Kysely<object>,
  { clientId, alerting: { destinations }, counted, runUrl }: DueMessagesInput,
  due: readonly { readonly incident: Incident; readonly kind: Parameters<typeof recipientsOf>[0] }[],
): Promise<MessageToMake[]> {
  const ids = due.map(({ incident }) => incident.id);
  const listed = await readListedAlerts(db, clientId, ids, runUrl);
  const routed = await readRoutedAlerts(db, ids);
  const heard = byIncident(await readHeardChannels(db, ids));
  return due.flatMap(({ incident, kind }) => {
    const counts = counted.get(incident.id);
    const alerts = routed.get(incident.id);
    if (counts === undefined || alerts === undefined) return [];
    const told = new Set(heard.get(incident.id)?.map(({ channelKey }) => channelKey));
    const recipients = recipientsOf(kind, destinations, { told, ...alerts });
    return [{ incident, kind, counted: counts, alerts: listed.get(incident.id) ?? [], recipients }];
  });
}

/** Those of the chain whose time has come; not beside another message about the same incident. */
async function escalations(
  db: Kysely<object>,
  { clientId, drafts, alerting: { destinations }, counted, now, runUrl }: DueMessagesInput,
  beside: ReadonlySet<string>,
): Promise<MessageToMake[]> {
  const due = (await chains(db, drafts.all(), destinations)).filter(
    ({ at, incident }) => at <= now && !beside.has(incident.id),
  );
  const incidents = [...new Map(due.map(({ incident }) => [incident.id, incident])).values()];
  const ids = incidents.map(({ id }) => id);
  const missing = ids.filter((id) => !counted.has(id));
  const counts = new Map([...counted, ...(await countAlerts(db, missing))]);
  const listed = await readListedAlerts(db, clientId, ids, runUrl);
  return incidents.flatMap((incident) => {
    const counted = counts.get(incident.id);
    if (counted === undefined) return [];
    const recipients = due
      .filter(({ incident: of }) => of.id === incident.id)
      .map(({ destination }) => destination);
    return [
      { incident, kind: 'escalated' as const, counted, alerts: listed.get(incident.id) ?? [], recipients },
    ];
  });
}

/** Every channel of the chain that has not heard of an incident since it is active, and when its time comes. */
async function chains(
  db: Kysely<object>,
  incidents: readonly Incident[],
  destinations: readonly Destination[],
): Promise<{ incident: Incident; destination: Destination; at: number }[]> {
  const steps = destinations.filter(({ escalationMinutes }) => escalationMinutes > 0);
  const waiting = incidents.flatMap((incident) =>
    steps.flatMap((destination) => {
      const at = escalatesAt(incident, destination.escalationMinutes);
      return at === null ? [] : [{ incident, destination, at }];
    }),
  );
  const ids = [...new Set(waiting.map(({ incident }) => incident.id))];
  const heard = byIncident(await readHeardChannels(db, ids));
  const routed = await readRoutedAlerts(db, ids);
  return waiting.filter(({ incident, destination }) => {
    const last = heard.get(incident.id)?.find(({ channelKey }) => channelKey === destination.key);
    const hasHeard = last !== undefined && last.at >= incident.activeSince;
    return !hasHeard && takes(destination, routed.get(incident.id)?.open ?? []);
  });
}

function told(incident: Incident, kind: MessageToMake['kind'], now: number, isMade: boolean): Incident {
  const messages = incident.messages + (isMade ? 1 : 0);
  // The end closes the book: whatever opens it again is told as new.
  if (kind === 'resolved')
    return { ...incident, messages, untoldSince: null, untoldUntil: null, toldAt: null };
  if (kind === 'escalated') return { ...incident, messages };
  return { ...incident, messages, untoldSince: null, untoldUntil: null, toldAt: now };
}

function byIncident(heard: readonly HeardChannel[]): ReadonlyMap<string, readonly HeardChannel[]> {
  return Map.groupBy(heard, ({ incidentId }) => incidentId);
}
