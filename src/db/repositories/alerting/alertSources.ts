import { sql, type RawBuilder } from 'kysely';
import type { AlertSource } from '../../../domain/alert.ts';

/**
 * What there should be alerts about, by source, told by the rows of the sources alone. So an alert can be opened in the
 * transaction that changed such a row, and whatever that missed is found by the sweep, with the same words.
 */
export interface AlertedRows {
  /**
   * A row for each fault that lasts: client_id, source_id, episode, stage, severity, message, details, http_target_id,
   * machine_id, metric_instance_id, since.
   */
  readonly faults: RawBuilder<unknown>;
  /**
   * Of the alerts `a` that are open: alert_id, ended_at, resolution, for those whose fault is over; `is_withdrawn` where
   * its owner wants to hear nothing of it any more, although it may last.
   */
  readonly endings: RawBuilder<unknown>;
}

/** Keys of targets, machines or metrics; null for all. */
export type AlertScope = readonly number[] | null;

const within = (key: RawBuilder<unknown>, scope: AlertScope): RawBuilder<unknown> =>
  scope === null ? sql`true` : sql`${key} = any(${[...scope]}::int[])`;

const day = (at: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`to_char(${at} at time zone 'UTC', 'YYYY-MM-DD')`;
const minute = (at: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`to_char(${at} at time zone 'UTC', 'YYYY-MM-DD HH24:MI')`;
const openAlerts = (source: AlertSource): RawBuilder<unknown> =>
  sql`(select * from alerts where source = ${sql.lit(source)} and status <> 'resolved') a`;

/**
 * Names a certificate by the minute in which it ends: as a number that fits, also where that is the end of the year 9999,
 * which stands for "never" (RFC 5280, 4.1.2.5).
 */
const certificateEpisode = sql`least(extract(epoch from s.certificate_expires_at) / 60, 2147483647)::int`;

/** Days before the end of a certificate at which its people are told: stages 1 to 4. */
const CERTIFICATE_DAYS = [30, 14, 7, 1] as const;

/** By source: how its alerts are found. `monitor` knows no keys. */
export const ALERTED: Readonly<Record<AlertSource, (scope: AlertScope) => AlertedRows>> = {
  http_target: (scope) => ({
    faults: sql`
      select t.client_id, t.id as source_id, s.episode, 0::smallint as stage, 'critical' as severity,
        t.name || ' is down: ' || coalesce(s.last_error_message, 'no answer') as message,
        jsonb_strip_nulls(jsonb_build_object('subject', t.name, 'failure_class', s.last_failure_class,
          'status_code', s.last_status_code, 'response_time_ms', s.last_response_time_ms,
          'consecutive_failures', s.consecutive_failures, 'certificate_expires_at', s.certificate_expires_at)) as details,
        t.id as http_target_id, null::uuid as machine_id, null::uuid as metric_instance_id,
        s.last_state_change_at as since
      from http_target_states s join http_targets t on t.key = s.target_key
      where s.status = 'down' and t.is_active and t.deleted_at is null and ${within(sql`s.target_key`, scope)}`,
    endings: sql`
      select a.id as alert_id,
        case when t.deleted_at is null and t.is_active and s.status = 'up' then s.last_state_change_at end as ended_at,
        case when t.deleted_at is not null then 'the target was deleted'
          when not t.is_active then 'the target was paused'
          when s.status = 'down' then 'it answered in between'
          when s.status = 'up' then 'it answers again' || coalesce(' with ' || s.last_status_code, '')
          else 'it is being looked at anew' end as resolution,
        (t.deleted_at is not null or not t.is_active) as is_withdrawn
      from ${openAlerts('http_target')}
      join http_targets t on t.id = a.source_id join http_target_states s on s.target_key = t.key
      where ${within(sql`t.key`, scope)}
        and not (s.status = 'down' and s.episode = a.episode and t.is_active and t.deleted_at is null)`,
  }),

  certificate: (scope) => ({
    faults: sql`
      select t.client_id, t.id as source_id, ${certificateEpisode} as episode,
        c.stage, (array['info', 'warning', 'warning', 'critical'])[c.stage] as severity,
        'The certificate of ' || t.name || case when s.certificate_expires_at <= now() then ' ended on '
          else ' ends on ' end || ${minute(sql`s.certificate_expires_at`)} || ' UTC' as message,
        jsonb_build_object('subject', t.name, 'certificate_expires_at', s.certificate_expires_at,
          'days_left', floor(extract(epoch from s.certificate_expires_at - now()) / 86400)) as details,
        t.id as http_target_id, null::uuid as machine_id, null::uuid as metric_instance_id,
        now() as since
      from http_target_states s join http_targets t on t.key = s.target_key
      cross join lateral (
        select count(*)::smallint as stage from unnest(${[...CERTIFICATE_DAYS]}::int[]) d
        where s.certificate_expires_at <= now() + d * interval '1 day'
      ) c
      where c.stage > 0 and t.is_active and t.deleted_at is null and t.verify_tls and ${within(sql`s.target_key`, scope)}`,
    endings: sql`
      select a.id as alert_id, null::timestamptz as ended_at,
        case when t.deleted_at is not null then 'the target was deleted'
          when not t.is_active then 'the target was paused'
          when not t.verify_tls then 'its certificate is no longer verified'
          when s.certificate_expires_at is null then 'its address was changed'
          else 'it has another certificate, which ends on ' || ${day(sql`s.certificate_expires_at`)} end as resolution,
        (t.deleted_at is not null or not t.is_active or not t.verify_tls or s.certificate_expires_at is null)
          as is_withdrawn
      from ${openAlerts('certificate')}
      join http_targets t on t.id = a.source_id join http_target_states s on s.target_key = t.key
      where ${within(sql`t.key`, scope)}
        and not (s.certificate_expires_at is not null and ${certificateEpisode} = a.episode
          and t.is_active and t.deleted_at is null and t.verify_tls)`,
  }),

  heartbeat: (scope) => ({
    faults: sql`
      select m.client_id, m.id as source_id, s.episode, 0::smallint as stage, 'critical' as severity,
        m.hostname || ' has not reported since ' || ${minute(sql`s.last_seen_at`)} || ' UTC' as message,
        jsonb_strip_nulls(jsonb_build_object('subject', m.hostname, 'last_seen_at', s.last_seen_at)) as details,
        null::uuid as http_target_id, m.id as machine_id, null::uuid as metric_instance_id,
        s.last_state_change_at as since
      from machine_states s join machines m on m.key = s.machine_key
      where s.status = 'down' and not m.is_paused and m.unregistered_at is null and ${within(sql`s.machine_key`, scope)}`,
    endings: sql`
      select a.id as alert_id,
        case when m.unregistered_at is null and not m.is_paused and s.status = 'up' then s.last_state_change_at end
          as ended_at,
        case when m.unregistered_at is not null then 'the machine was deleted'
          when m.is_paused then 'the machine was paused'
          when s.status = 'down' then 'it reported in between'
          else 'it reports again' end as resolution,
        (m.unregistered_at is not null or m.is_paused) as is_withdrawn
      from ${openAlerts('heartbeat')}
      join machines m on m.id = a.source_id join machine_states s on s.machine_key = m.key
      where ${within(sql`m.key`, scope)}
        and not (s.status = 'down' and s.episode = a.episode and not m.is_paused and m.unregistered_at is null)`,
  }),

  metric: (scope) => ({
    faults: sql`
      select i.client_id, i.id as source_id, e.episode, 0::smallint as stage, h.severity,
        m.hostname || ': ' || i.name || ' is over its threshold' || coalesce(': ' || t.reason, '') as message,
        jsonb_strip_nulls(jsonb_build_object('subject', m.hostname || ': ' || i.name, 'metric', i.name,
          'value', coalesce(to_jsonb(t.num_value), to_jsonb(t.bool_value), to_jsonb(t.str_value)), 'unit', i.unit,
          'reason', t.reason)) as details,
        null::uuid as http_target_id, m.id as machine_id, i.id as metric_instance_id,
        coalesce(t.at, now()) as since
      from metric_evaluations e
      join metric_instances i on i.key = e.metric_key join machines m on m.key = i.machine_key
      join thresholds h on h.metric_key = i.key and h.name = 'default' and h.is_active
      left join lateral (
        select reason, at, num_value, bool_value, str_value from metric_transitions
        where metric_key = e.metric_key and to_state = 'breached' and from_state = 'ok' order by id desc limit 1
      ) t on true
      where e.state <> 'ok' and (e.state = 'breached' or e.was_breached)
        and i.is_alerting_enabled and not i.is_paused and not m.is_paused and m.unregistered_at is null
        and ${within(sql`e.metric_key`, scope)}`,
    endings: sql`
      select a.id as alert_id, case when e.state = 'ok' then t.at end as ended_at,
        case when m.unregistered_at is not null then 'the machine was deleted'
          when m.is_paused then 'the machine was paused'
          when i.is_paused then 'the metric was paused'
          when not i.is_alerting_enabled then 'alerting was switched off'
          when h.id is null then 'it has no threshold any more'
          when e.state = 'breached' then 'it was back in between'
          else 'it is back' || coalesce(': ' || t.reason, '') end as resolution,
        (m.unregistered_at is not null or m.is_paused or i.is_paused or not i.is_alerting_enabled or h.id is null)
          as is_withdrawn
      from ${openAlerts('metric')}
      join metric_instances i on i.id = a.source_id join machines m on m.key = i.machine_key
      join metric_evaluations e on e.metric_key = i.key
      left join thresholds h on h.metric_key = i.key and h.name = 'default' and h.is_active
      left join lateral (
        select reason, at from metric_transitions
        where metric_key = e.metric_key and to_state = 'ok' order by id desc limit 1
      ) t on true
      where ${within(sql`i.key`, scope)}
        and not ((e.state = 'breached' or e.was_breached) and e.episode = a.episode and h.id is not null
          and i.is_alerting_enabled and not i.is_paused and not m.is_paused and m.unregistered_at is null)`,
  }),

  monitor: () => ({
    faults: sql`
      select c.client_id, c.client_id as source_id, (extract(epoch from w.since) / 60)::int as episode,
        0::smallint as stage, 'critical' as severity,
        'The monitoring server has lost its network: what it sees of HTTP targets counts for nothing until it is back'
          as message,
        jsonb_build_object('subject', 'The monitoring server', 'workers', w.names) as details,
        null::uuid as http_target_id, null::uuid as machine_id, null::uuid as metric_instance_id, w.since
      from (select distinct client_id from http_targets where is_active and deleted_at is null) c
      cross join (
        select min(network_lost_at) as since, string_agg(name, ', ' order by name) as names
        from workers where network_lost_at is not null and lease_until > now()
      ) w
      where w.since is not null`,
    endings: sql`
      select a.id as alert_id, null::timestamptz as ended_at, 'its network is back' as resolution, false as is_withdrawn
      from ${openAlerts('monitor')}
      where not exists (select from workers where network_lost_at is not null and lease_until > now())`,
  }),
};
