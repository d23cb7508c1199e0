import { sql, type RawBuilder } from 'kysely';

/** `breaches` of src/domain/threshold.ts, for sample `s` of metric `b`. */
const BREACHES = sql`coalesce(case b.comparison
  when 'gt' then s.num_value > b.value_num
  when 'ge' then s.num_value >= b.value_num
  when 'lt' then s.num_value < b.value_num
  when 'le' then s.num_value <= b.value_num
  when 'outside' then s.num_value < b.value_low or s.num_value > b.value_high
  when 'contains' then strpos(s.str_value, b.value_str) > 0
  when 'eq' then case b.type when 'numeric' then s.num_value = b.value_num
    when 'boolean' then s.bool_value = b.value_bool else s.str_value = b.value_str end
  when 'ne' then case b.type when 'numeric' then s.num_value <> b.value_num
    when 'boolean' then s.bool_value <> b.value_bool else s.str_value <> b.value_str end
end, false)`;

/** What `keepsBreaching` adds to it. */
const IS_NOT_BACK = sql`coalesce(case
  when b.comparison in ('gt', 'ge') then s.num_value > b.recovery_value
  when b.comparison in ('lt', 'le') then s.num_value < b.recovery_value
end, false)`;

/** Where much happened to a metric, it is folded in several goes: each is held in memory. */
const MAX_STEPS = 20;

/** What samples there can be. Times in ISO, so that Postgres looks into few partitions. */
export interface SampleWindow {
  readonly from: string;
  readonly until: string;
  /** How many of each metric are looked at in one go. */
  readonly maxSamples: number | null;
  /** Only metrics that have new samples from before, where it is given. */
  readonly laggingBefore: string | null;
}

/** The next samples of metric `b`. Those of one time are never torn apart, since the next go begins after it. */
function nextSamples({ from, until }: SampleWindow, limit: number | null): RawBuilder<unknown> {
  const first = limit === null ? sql`` : sql`order by at fetch first ${sql.lit(limit)} rows with ties`;
  return sql`select at, num_value, bool_value, str_value from metric_samples
    where metric_key = b.key and at > b.folded_from and at <= b.latest_at
      and at >= ${from}::timestamptz and at <= ${until}::timestamptz ${first}`;
}

/** Whether metric `b` has samples that its threshold has not seen, until when, and what the threshold says to them. */
export function samplesAtAGlance(window: SampleWindow): RawBuilder<unknown> {
  return sql`select max(s.at) as until, bool_or(${BREACHES}) as any_breaches,
      bool_and(${BREACHES} or ${IS_NOT_BACK}) as all_keep
    from (${nextSamples(window, window.maxSamples)}) s where b.is_unseen`;
}

/**
 * `samples`: those of the metrics of `began`, numbered in order of time. `steps`: what `evaluateSample` of
 * src/domain/threshold.ts makes of them, one round for the n-th samples of all metrics.
 */
export function steps(window: SampleWindow): RawBuilder<unknown> {
  return sql`samples as materialized (
    select b.key, (row_number() over w)::int as step, lead(s.at) over w is null as is_last, s.at, s.num_value, s.bool_value, s.str_value,
      ${BREACHES} as breaches, ${BREACHES} or ${IS_NOT_BACK} as keeps,
      b.consecutive_breaches, b.min_duration, b.cooldown
    from began b cross join lateral (${nextSamples(window, MAX_STEPS)}) s
    where b.is_unseen
    window w as (partition by b.key order by s.at)
  ), steps as (
    select key, 0 as step, false as is_last, null::timestamptz as at, null::text as from_state,
      resumed_state as state, episode, streak, streak_since, recovered_at
    from began where until is not null
    union all
    select p.key, s.step, s.is_last, s.at, p.state, c.state,
      p.episode + (p.state = 'ok' and c.state = 'breached')::int,
      case when c.is_ended then 0 else c.streak end, case when c.is_ended then null else c.streak_since end,
      case when p.state = 'breached' and c.is_ended then s.at else p.recovered_at end
    from steps p join samples s on s.key = p.key and s.step = p.step + 1
    cross join lateral (
      select case when p.state = 'ok' then p.streak + 1 else p.streak end as streak,
        case when p.state = 'ok' then coalesce(p.streak_since, s.at) else p.streak_since end as streak_since,
        case when p.state = 'ok' then not s.breaches else not s.keeps end as is_ended
    ) counted
    cross join lateral (
      select counted.*, case
        when counted.is_ended then 'ok'
        when p.state = 'breached' then 'breached'
        when counted.streak >= s.consecutive_breaches and s.at - counted.streak_since >= s.min_duration
          and coalesce(s.at >= p.recovered_at + s.cooldown, true) then 'breached'
        else 'ok' end as state
    ) c
  )`;
}
