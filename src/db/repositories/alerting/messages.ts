import { sql, type Kysely } from 'kysely';
import type { AlertSource, AlertStatus, Severity } from '../../../domain/alert.ts';
import type { Incident } from '../../../domain/incident.ts';
import type { IncidentMessage, MessageKind, ToldAlert } from '../../../domain/incidentMessage.ts';
import { headline } from '../../../domain/incidentWords.ts';
import type { Destination, RoutedAlert } from '../../../domain/routing.ts';
import type { CountedIncident } from './incidentRows.ts';

/** Alerts that a message lists. */
const LISTED_ALERTS = 20;
/** A message that could not be sent for this long is given up. */
export const GIVE_UP_AFTER_MS = 24 * 3_600_000;

/** The run behind an alert in the Temporal UI; null where no UI is configured. */
export type RunUrl = (source: {
  readonly clientId: string;
  readonly httpTargetId: string | null;
  readonly machineId: string | null;
}) => string | null;

/** A message that is due, with those who get it. */
export interface MessageToMake {
  readonly incident: Incident;
  readonly kind: MessageKind;
  readonly counted: CountedIncident;
  readonly alerts: readonly ToldAlert[];
  readonly recipients: readonly Destination[];
}

interface ListedRow {
  incident_id: string;
  id: string;
  source: AlertSource;
  status: AlertStatus;
  severity: Severity;
  message: string;
  triggered_at: string;
  resolved_at: string | null;
  resolution: string | null;
  http_target_id: string | null;
  machine_id: string | null;
}

const iso = (column: string) =>
  sql`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** @returns by incident: the alerts that a message lists */
export async function readListedAlerts(
  db: Kysely<object>,
  clientId: string,
  incidentIds: readonly string[],
  runUrl: RunUrl,
): Promise<ReadonlyMap<string, readonly ToldAlert[]>> {
  if (incidentIds.length === 0) return new Map();
  const { rows } = await sql<ListedRow>`
    select i.id as incident_id, a.* from unnest(${[...incidentIds]}::uuid[]) as i (id)
    cross join lateral (
      select id, source, status, severity, message, ${iso('triggered_at')} as triggered_at,
        ${iso('resolved_at')} as resolved_at, resolution, http_target_id, machine_id
      from alerts where incident_id = i.id
      order by status = 'resolved', array_position(array['critical', 'warning', 'info'], severity),
        alerts.triggered_at desc, alerts.id
      limit ${LISTED_ALERTS}
    ) a
  `.execute(db);
  const byIncident = new Map<string, ToldAlert[]>();
  for (const row of rows) {
    const listed = byIncident.get(row.incident_id) ?? [];
    const { http_target_id: httpTargetId, machine_id: machineId } = row;
    listed.push({
      ...{ id: row.id, source: row.source, status: row.status, severity: row.severity, text: row.message },
      ...{ triggeredAt: row.triggered_at, resolvedAt: row.resolved_at, resolution: row.resolution },
      temporalUrl: runUrl({ clientId, httpTargetId, machineId }),
    });
    byIncident.set(row.incident_id, listed);
  }
  return byIncident;
}

/** What rules look at, by incident: the severities and sources of its open alerts, and of those not told yet. */
export interface RoutedAlerts {
  readonly open: readonly RoutedAlert[];
  readonly untold: readonly RoutedAlert[];
}

export async function readRoutedAlerts(
  db: Kysely<object>,
  incidentIds: readonly string[],
): Promise<ReadonlyMap<string, RoutedAlerts>> {
  if (incidentIds.length === 0) return new Map();
  const { rows } = await sql<RoutedAlert & { incident_id: string; is_open: boolean; is_told: boolean }>`
    select distinct incident_id, severity, source, status <> 'resolved' as is_open, is_told
    from alerts where incident_id = any(${[...incidentIds]}::uuid[])
  `.execute(db);
  return new Map(
    incidentIds.map((id) => {
      const own = rows.filter(({ incident_id: of }) => of === id);
      return [
        id,
        {
          open: own.filter(({ is_open: isOpen }) => isOpen),
          untold: own.filter(({ is_open: isOpen, is_told: isTold }) => isOpen && !isTold),
        },
      ];
    }),
  );
}

/** A channel that has heard of an incident: something was sent to it, or is on its way. */
export interface HeardChannel {
  readonly incidentId: string;
  readonly channelKey: string;
  /** The last time, UTC milliseconds. */
  readonly at: number;
}

export async function readHeardChannels(
  db: Kysely<object>,
  incidentIds: readonly string[],
): Promise<readonly HeardChannel[]> {
  if (incidentIds.length === 0) return [];
  const { rows } = await sql<HeardChannel>`
    select incident_id as "incidentId", channel_key as "channelKey",
      (extract(epoch from max(created_at)) * 1000)::float8 as at
    from notifications
    where incident_id = any(${[...incidentIds]}::uuid[]) and status in ('success', 'pending')
    group by incident_id, channel_key
  `.execute(db);
  return rows;
}

/** Writes messages with a row of the ledger for each of their recipients; their alerts count as told. */
export async function makeMessages(
  db: Kysely<object>,
  clientId: string,
  messages: readonly MessageToMake[],
  now: number,
): Promise<void> {
  if (messages.length === 0) return;
  const rows = messages.map((made) => {
    const { incident, kind, counted, recipients } = made;
    const content = contentOf(made, now);
    return {
      id: crypto.randomUUID(),
      ...{
        incident_id: incident.id,
        sequence: incident.messages + 1,
        kind,
        severity: content.severity,
        content,
      },
      ...{ alert_id: counted.onlyAlertId, text: content.headline },
      recipients: recipients.map(({ key, channelId, provider, recipient }) => ({
        ...{ channel_key: key, channel_id: channelId, provider, recipient },
      })),
    };
  });
  const json = JSON.stringify(rows);
  const at = new Date(now).toISOString();
  await sql`
    insert into messages (id, client_id, incident_id, sequence, kind, severity, content, created_at)
    select id, ${clientId}::uuid, incident_id, sequence, kind, severity, content, ${at}::timestamptz
    from jsonb_to_recordset(${json}::jsonb)
      as m (id uuid, incident_id uuid, sequence int, kind text, severity text, content jsonb)
  `.execute(db);
  await sql`
    insert into notifications (client_id, message_id, incident_id, alert_id, channel_key, channel_id, provider,
      recipient, event, severity, text, created_at, give_up_at)
    select ${clientId}::uuid, m.id, m.incident_id, m.alert_id, r.channel_key, r.channel_id, r.provider, r.recipient,
      m.kind, m.severity, m.text, ${at}::timestamptz, ${new Date(now + GIVE_UP_AFTER_MS).toISOString()}::timestamptz
    from jsonb_to_recordset(${json}::jsonb)
      as m (id uuid, incident_id uuid, alert_id uuid, kind text, severity text, text text, recipients jsonb)
    cross join lateral jsonb_to_recordset(m.recipients)
      as r (channel_key text, channel_id uuid, provider text, recipient text)
    on conflict on constraint notifications_once do nothing
  `.execute(db);
  // Waits for nobody: what somebody changes at this moment has news of its own, and is told anew.
  await sql`
    with told as materialized (
      select id from alerts
      where incident_id = any(${messages.map(({ incident }) => incident.id)}::uuid[]) and not is_told
      for no key update skip locked
    )
    update alerts a set is_told = true from told where a.id = told.id
  `.execute(db);
}

function contentOf({ incident, kind, counted, alerts }: MessageToMake, now: number): IncidentMessage {
  const counts = {
    ...{ firing: counted.firing, acknowledged: counted.acknowledged, resolved: counted.resolved },
  };
  return {
    ...{ kind, severity: incident.severity, counts, alerts },
    headline: headline({ ...counted, kind, counts }),
    at: new Date(now).toISOString(),
    incident: {
      ...{ id: incident.id, number: incident.number, title: incident.title, isFlapping: incident.isFlapping },
      openedAt: new Date(incident.openedAt).toISOString(),
      resolvedAt: incident.resolvedAt === null ? null : new Date(incident.resolvedAt).toISOString(),
    },
  };
}
