import { sql, type RawBuilder } from 'kysely';
import { samplesAtAGlance, type SampleWindow } from './evaluationFold.ts';
import { THRESHOLD } from './watchedMachines.ts';

/** Some metrics of some clients: those with keys after `afterKey`, as far as `untilKey`. */
export interface MetricRange {
  readonly clientIds: readonly string[];
  readonly afterKey: number;
  readonly untilKey: number;
}

/**
 * All that Postgres has about each metric of the range; `ceased` is why it can no longer be breached or stale. Every
 * table is given the range, so that a client whose metrics lie together costs no scan of the others'.
 */
export function known({ clientIds, afterKey, untilKey }: MetricRange): RawBuilder<unknown> {
  const within = (key: RawBuilder<unknown>) => sql`${key} > ${afterKey}::int and ${key} <= ${untilKey}::int`;
  return sql`known as (
    select i.key, i.client_id, i.type, i.is_alerting_enabled, m.hostname, ms.last_seen_at,
      l.at as latest_at, l.received_at, l.usual_gap_ms * interval '1 millisecond' as usual_gap,
      ${THRESHOLD} as heartbeat_threshold,
      e.state as old_state, e.was_breached as old_was_breached, e.episode, e.streak as old_streak,
      e.streak_since as old_streak_since, e.evaluated_until, e.recovered_at,
      t.id as threshold_id, t.updated_at as threshold_updated_at, t.severity, t.comparison,
      t.value_num, t.value_bool, t.value_str, t.value_low, t.value_high, t.recovery_value, t.consecutive_breaches,
      t.min_duration_sec * interval '1 second' as min_duration, t.cooldown_sec * interval '1 second' as cooldown,
      not (i.is_paused or m.is_paused or m.unregistered_at is not null) as is_judged,
      row(e.threshold_id, e.threshold_updated_at) is distinct from row(t.id, t.updated_at) as is_new_rule,
      case when e.state = 'ok' then null
        when m.unregistered_at is not null then 'unregistered'
        when m.is_paused then 'machinePaused'
        when i.is_paused then 'metricPaused'
        when e.threshold_id is not null and t.id is null then 'noThreshold' end as ceased
    from metric_instances i
    left join client_settings c on c.client_id = i.client_id
    join machines m on m.key = i.machine_key
    join machine_states ms on ms.machine_key = i.machine_key
    join metric_latest l on l.metric_key = i.key
    join metric_evaluations e on e.metric_key = i.key
    left join thresholds t on t.metric_key = i.key and t.name = 'default' and t.is_active
      and ${within(sql`t.metric_key`)}
    where i.client_id = any(${[...clientIds]}::uuid[]) and ${within(sql`i.key`)}
      and ${within(sql`l.metric_key`)} and ${within(sql`e.metric_key`)}
      and (m.unregistered_at is null or e.state <> 'ok')
  )`;
}

/**
 * `considered`: what each metric is before its new samples, and what those are to it at a glance. What has lost its
 * threshold, or is paused, is ok; a new threshold begins with the newest sample. Most metrics are quiet: what they are
 * stays, and they were looked at until a later time. What has new samples from before the window is `is_lagging`.
 */
export function considered(window: SampleWindow): RawBuilder<unknown> {
  return sql`considered as materialized (
    select b.*, l.*, q.is_eventful, b.is_unseen and b.folded_from < ${window.from}::timestamptz as is_lagging,
      case when not b.is_judged then b.latest_at when b.is_unseen then coalesce(l.until, b.latest_at)
        when b.is_new_rule then null else b.evaluated_until end as new_evaluated_until
    from (
      select k.*, f.at as folded_from,
        k.is_judged and k.threshold_id is not null and coalesce(k.latest_at > f.at, false) as is_unseen,
        coalesce(k.is_judged
          and k.last_seen_at - k.received_at > greatest(k.heartbeat_threshold, k.usual_gap * 3), false) as is_silent,
        case when k.ceased is null then k.old_state else 'ok' end as state,
        k.ceased is null and k.old_was_breached as was_breached,
        case when k.ceased is null and (k.old_state = 'breached' or k.old_was_breached) then 'breached' else 'ok' end
          as resumed_state,
        case when k.is_judged and not k.is_new_rule then k.old_streak else 0 end as streak,
        case when k.is_judged and not k.is_new_rule then k.old_streak_since end as streak_since
      from known k cross join lateral (
        select case when k.is_new_rule or k.evaluated_until is null
          then k.latest_at - interval '1 microsecond' else k.evaluated_until end as at
      ) f
    ) b
    cross join lateral (${samplesAtAGlance(window)}) l
    cross join lateral (
      select b.ceased is not null or b.is_new_rule or b.is_silent or b.state = 'stale' or b.streak <> b.old_streak
        or coalesce(case b.resumed_state when 'ok' then l.any_breaches or b.streak > 0 and l.until is not null
          else not l.all_keep end, false)
        as is_eventful
    ) q
    ${onlyLagging(window)}
  ), began as (
    select * from considered where is_eventful and not is_lagging
  )`;
}

function onlyLagging({ laggingBefore }: SampleWindow): RawBuilder<unknown> {
  return laggingBefore === null
    ? sql``
    : sql`where b.is_unseen and b.folded_from < ${laggingBefore}::timestamptz`;
}

/** `outcome`: what each eventful metric is now; stale when its machine has reported long after its last sample came. */
export const OUTCOME = sql`folded as (
  select b.*,
    case when b.until is null then b.state else coalesce(f.state, b.resumed_state) end as folded_state,
    coalesce(f.episode, b.episode) as folded_episode,
    case when f.key is null then b.streak else f.streak end as folded_streak,
    case when f.key is null then b.streak_since else f.streak_since end as folded_streak_since,
    coalesce(f.recovered_at, b.recovered_at) as folded_recovered_at,
    coalesce(f.at, b.new_evaluated_until) as folded_until,
    b.is_silent and coalesce(f.at, b.new_evaluated_until) is not distinct from b.new_evaluated_until as is_stale
  from began b left join steps f on f.key = b.key and f.is_last
), outcome as materialized (
  select g.*,
    case when g.is_stale then 'stale' when g.folded_state = 'stale' then g.resumed_state else g.folded_state end
      as new_state,
    case when not g.is_stale then false when g.folded_state = 'stale' then g.was_breached
      else g.folded_state = 'breached' end as is_breached_behind,
    g.folded_episode + (g.is_stale and g.folded_state = 'ok')::int as new_episode
  from folded g
)`;

/** Writes what has changed of it, and for quiet metrics only how far they were looked at. */
export const WRITTEN = sql`quiet as (
  update metric_evaluations e set evaluated_until = c.new_evaluated_until
  from considered c
  where e.metric_key = c.key and not c.is_eventful and not c.is_lagging
    and c.new_evaluated_until is distinct from c.evaluated_until
), written as (
  update metric_evaluations e set state = o.new_state, was_breached = o.is_breached_behind, episode = o.new_episode,
    streak = o.folded_streak, streak_since = o.folded_streak_since, evaluated_until = o.folded_until,
    recovered_at = o.folded_recovered_at, threshold_id = o.threshold_id,
    threshold_updated_at = o.threshold_updated_at
  from outcome o
  where e.metric_key = o.key and (o.is_new_rule or o.new_state <> o.old_state or o.new_episode <> o.episode
    or o.folded_streak <> o.old_streak or o.folded_until is distinct from o.evaluated_until)
)`;
