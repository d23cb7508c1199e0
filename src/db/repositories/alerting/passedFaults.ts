import { sql, type Kysely } from 'kysely';

/** A fault of a target that came and went before it could be stored: results of an outage of ours arrive together. */
export interface PassedTargetFault {
  readonly targetKey: number;
  readonly episode: number;
}

/** Notes the faults of targets that are over already as alerts that are resolved; when they began is not known. */
export async function notePassedTargetFaults(
  db: Kysely<object>,
  faults: readonly PassedTargetFault[],
): Promise<void> {
  if (faults.length === 0) return;
  await sql`
    with passed as (
      insert into alerts (client_id, source, source_id, episode, severity, message, details, http_target_id, status,
        triggered_at, resolved_at, resolution)
      select t.client_id, 'http_target', t.id, f.episode, 'critical',
        t.name || ' was down for a time while its results could not be stored',
        jsonb_build_object('subject', t.name), t.id, 'resolved',
        s.last_state_change_at, s.last_state_change_at, 'it was over before it could be stored'
      from unnest(${faults.map(({ targetKey }) => targetKey)}::int[], ${faults.map(({ episode }) => episode)}::int[])
        as f (target_key, episode)
      join http_targets t on t.key = f.target_key join http_target_states s on s.target_key = t.key
      on conflict do nothing
      returning id, client_id
    )
    insert into alert_news (client_id, alert_id, kind)
    select client_id, id, kind from passed cross join unnest(array['opened', 'resolved']) as kind
  `.execute(db);
}

/** A breach of a metric that began and ended in one evaluation; times in UTC milliseconds. */
export interface PassedBreach {
  readonly metricKey: number;
  readonly episode: number;
  readonly beganAt: number;
  readonly endedAt: number;
  readonly severity: string;
  /** In words, why it was over its threshold. */
  readonly reason: string;
}

/** The same for metrics: evaluation finds both ends of a breach at once, where it was away meanwhile. */
export async function notePassedBreaches(
  db: Kysely<object>,
  breaches: readonly PassedBreach[],
): Promise<void> {
  if (breaches.length === 0) return;
  const column = <T>(of: (breach: PassedBreach) => T): T[] => breaches.map(of);
  await sql`
    with passed as (
      insert into alerts (client_id, source, source_id, episode, severity, message, details, machine_id,
        metric_instance_id, status, triggered_at, resolved_at, resolution)
      select i.client_id, 'metric', i.id, b.episode, b.severity,
        m.hostname || ': ' || i.name || ' was over its threshold: ' || b.reason,
        jsonb_build_object('subject', m.hostname || ': ' || i.name, 'metric', i.name, 'reason', b.reason),
        m.id, i.id, 'resolved', b.began_at, b.ended_at, 'it was back before it was evaluated'
      from unnest(
        ${column(({ metricKey }) => metricKey)}::int[], ${column(({ episode }) => episode)}::int[],
        ${column(({ beganAt }) => new Date(beganAt).toISOString())}::timestamptz[],
        ${column(({ endedAt }) => new Date(endedAt).toISOString())}::timestamptz[],
        ${column(({ severity }) => severity)}::text[], ${column(({ reason }) => reason)}::text[]
      ) as b (metric_key, episode, began_at, ended_at, severity, reason)
      join metric_instances i on i.key = b.metric_key join machines m on m.key = i.machine_key
      on conflict do nothing
      returning id, client_id
    )
    insert into alert_news (client_id, alert_id, kind)
    select client_id, id, kind from passed cross join unnest(array['opened', 'resolved']) as kind
  `.execute(db);
}
