import { sql } from 'kysely';

/**
 * Whether metric `i` with evaluation `e` and threshold `t` is firing: it is over its threshold, and somebody wants to
 * hear of it. Null where it has no threshold.
 */
export const IS_FIRING = sql`(e.state = 'breached' and i.is_alerting_enabled and t.is_active)`;

/**
 * How many metrics machine `m` has, and what is wrong with it now: that it is down, and each of its metrics that is
 * firing. Stands in for incidents until there are any: their count replaces `open_troubles`, and nothing else.
 */
export const MACHINE_COUNTS = sql`
  select count(*)::int as metrics_count,
    (not m.is_paused and m.status = 'down')::int + (count(*) filter (where ${IS_FIRING}))::int as open_troubles
  from metric_instances i
  left join metric_evaluations e on e.metric_key = i.key and e.state = 'breached'
  left join thresholds t on t.metric_key = e.metric_key and t.name = 'default'
  where i.machine_key = m.key`;
