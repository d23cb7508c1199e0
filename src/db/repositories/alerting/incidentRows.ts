import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { AlertSource, Severity } from '../../../domain/alert.ts';
import type { AlertCounts, Incident } from '../../../domain/incident.ts';
import { timestamp } from '../../sqlTime.ts';

const ms = (column: string): RawBuilder<unknown> =>
  sql`(extract(epoch from ${sql.ref(column)}) * 1000)::float8`;

/** The incidents of a client that something may still happen to, and those that are named. */
export async function readIncidents(
  db: Kysely<object>,
  clientId: string,
  { changedAfter, ids }: { readonly changedAfter: number; readonly ids: readonly string[] },
): Promise<Incident[]> {
  const { rows } = await sql<Incident>`
    select id, incident_number as number, title, type, severity, status,
      ${ms('opened_at')} as "openedAt", ${ms('active_since')} as "activeSince", ${ms('resolved_at')} as "resolvedAt",
      ${ms('last_change_at')} as "lastChangeAt", reopenings, is_flapping as "isFlapping",
      ${ms('acknowledged_at')} as "acknowledgedAt", ${ms('untold_since')} as "untoldSince",
      ${ms('untold_until')} as "untoldUntil", ${ms('told_at')} as "toldAt", messages
    from incidents
    where client_id = ${clientId}
      and (status = 'open' or untold_since is not null or resolved_at >= ${timestamp(changedAfter)} or id = any(${[...ids]}::uuid[]))
    order by opened_at, id
  `.execute(db);
  return rows;
}

/** Writes incidents as they are now, new ones too. */
export async function writeIncidents(
  db: Kysely<object>,
  clientId: string,
  incidents: readonly Incident[],
): Promise<void> {
  if (incidents.length === 0) return;
  const time = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  const rows = incidents.map((incident) => ({
    ...{ id: incident.id, number: incident.number, title: incident.title, type: incident.type },
    ...{ severity: incident.severity, status: incident.status, reopenings: incident.reopenings },
    ...{ is_flapping: incident.isFlapping, messages: incident.messages },
    opened_at: time(incident.openedAt),
    active_since: time(incident.activeSince),
    resolved_at: time(incident.resolvedAt),
    last_change_at: time(incident.lastChangeAt),
    acknowledged_at: time(incident.acknowledgedAt),
    untold_since: time(incident.untoldSince),
    untold_until: time(incident.untoldUntil),
    told_at: time(incident.toldAt),
  }));
  await sql`
    insert into incidents (id, client_id, incident_number, title, type, severity, status, opened_at, active_since,
      resolved_at, last_change_at, reopenings, is_flapping, acknowledged_at, untold_since, untold_until, told_at, messages)
    select id, ${clientId}::uuid, number, title, type, severity, status, opened_at, active_since, resolved_at,
      last_change_at, reopenings, is_flapping, acknowledged_at, untold_since, untold_until, told_at, messages
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as i (id uuid, number int, title text, type text, severity text,
      status text, opened_at timestamptz, active_since timestamptz, resolved_at timestamptz, last_change_at timestamptz,
      reopenings int, is_flapping boolean, acknowledged_at timestamptz, untold_since timestamptz, untold_until timestamptz,
      told_at timestamptz, messages int)
    on conflict (id) do update set title = excluded.title, type = excluded.type, severity = excluded.severity,
      status = excluded.status, opened_at = excluded.opened_at, active_since = excluded.active_since,
      resolved_at = excluded.resolved_at, last_change_at = excluded.last_change_at, reopenings = excluded.reopenings,
      is_flapping = excluded.is_flapping, acknowledged_at = excluded.acknowledged_at,
      untold_since = excluded.untold_since, untold_until = excluded.untold_until, told_at = excluded.told_at,
      messages = excluded.messages
  `.execute(db);
}

export async function lastIncidentNumber(db: Kysely<object>, clientId: string): Promise<number> {
  const { rows } = await sql<{ last: number }>`
    select coalesce(max(incident_number), 0) as last from incidents where client_id = ${clientId}
  `.execute(db);
  return rows[0]?.last ?? 0;
}

/** Puts alerts into their incidents. */
export async function assignAlerts(
  db: Kysely<object>,
  incidentOfAlert: ReadonlyMap<string, string>,
): Promise<void> {
  if (incidentOfAlert.size === 0) return;
  const alertIds = sql`${[...incidentOfAlert.keys()]}::uuid[]`;
  // In the order in which \`syncAlerts\` locks them.
  await sql`
    with locked as materialized (
      select id from alerts where id = any(${alertIds}) order by id for no key update
    )
    update alerts a set incident_id = n.incident_id
    from unnest(${alertIds}, ${[...incidentOfAlert.values()]}::uuid[]) as n (alert_id, incident_id)
    join locked l on l.id = n.alert_id
    where a.id = l.id
  `.execute(db);
}

/** The alerts of an incident, counted, with what its title is made of. */
export interface CountedIncident extends AlertCounts {
  /** What the first three are about; of how many sources there are alerts. */
  readonly subjects: readonly string[];
  readonly sourcesCount: number;
  /** What the first three that are open are about. */
  readonly openSubjects: readonly string[];
  readonly firstMessage: string;
  /** Why the last that ended is over. */
  readonly resolution: string | null;
  /** Where it has one alone. */
  readonly onlyAlertId: string | null;
}

/** Counts the alerts of incidents anew, and keeps what lists show of them. @returns by incident */
export async function countAlerts(
  db: Kysely<object>,
  incidentIds: readonly string[],
): Promise<ReadonlyMap<string, CountedIncident>> {
  if (incidentIds.length === 0) return new Map();
  const { rows } = await sql<{
    id: string;
    firing: number;
    acknowledged: number;
    resolved: number;
    severity: Severity;
    sources: AlertSource[];
    last_resolved_at: number | null;
    subjects: string[];
    sources_count: number;
    open_subjects: string[] | null;
    first_message: string;
    resolution: string | null;
    only_alert_id: string | null;
  }>`
    with counted as (
      select incident_id as id, count(*)::int as alerts,
        (count(*) filter (where status = 'firing'))::int as firing,
        (count(*) filter (where status = 'acknowledged'))::int as acknowledged,
        (count(*) filter (where status = 'resolved'))::int as resolved,
        max(array_position(array['info', 'warning', 'critical'], severity)) as worst,
        max(array_position(array['info', 'warning', 'critical'], severity)) filter (where status <> 'resolved')
          as worst_open,
        array_agg(distinct source) as sources,
        case when count(distinct source_id) = 1 then (array_agg(http_target_id))[1] end as http_target_id,
        case when count(distinct machine_id) = 1 then (array_agg(machine_id) filter (where machine_id is not null))[1]
          end as machine_id,
        case when count(distinct source_id) = 1 then (array_agg(metric_instance_id))[1] end as metric_instance_id,
        (extract(epoch from max(resolved_at)) * 1000)::float8 as last_resolved_at,
        (array_agg(coalesce(details ->> 'subject', message) order by triggered_at, id))[1:3] as subjects,
        (array_agg(coalesce(details ->> 'subject', message) order by triggered_at, id)
          filter (where status <> 'resolved'))[1:3] as open_subjects,
        count(distinct (source, source_id))::int as sources_count,
        (array_agg(message order by triggered_at, id))[1] as first_message,
        (array_agg(resolution order by resolved_at desc nulls last))[1] as resolution,
        case when count(*) = 1 then (array_agg(id))[1] end as only_alert_id
      from alerts where incident_id = any(${[...incidentIds]}::uuid[]) group by incident_id
    ), kept as (
      update incidents i set alerts_count = c.alerts, http_target_id = c.http_target_id, machine_id = c.machine_id,
        metric_instance_id = c.metric_instance_id
      from counted c where c.id = i.id
    )
    select id, firing, acknowledged, resolved, sources, last_resolved_at, subjects, open_subjects, sources_count,
      first_message, resolution,
      only_alert_id, (array['info', 'warning', 'critical'])[coalesce(worst_open, worst)] as severity
    from counted
  `.execute(db);
  return new Map(
    rows.map(
      ({
        id,
        last_resolved_at: lastResolvedAt,
        first_message: firstMessage,
        open_subjects: openSubjects,
        sources_count: sourcesCount,
        only_alert_id: onlyAlertId,
        ...counts
      }) => [
        id,
        {
          ...counts,
          lastResolvedAt,
          firstMessage,
          onlyAlertId,
          openSubjects: openSubjects ?? [],
          sourcesCount,
        },
      ],
    ),
  );
}
