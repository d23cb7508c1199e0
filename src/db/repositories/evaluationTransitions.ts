import { sql, type Kysely } from 'kysely';
import type { Comparison, MetricSample, MetricState } from '../../domain/threshold.ts';
import { notePassedBreaches, type PassedBreach } from './alerting/passedFaults.ts';
import { transitionReason, type TransitionCause } from '../../domain/thresholdWords.ts';

/** Every change of state, in the order in which each metric went through them; with what its words are made of. */
export const TRANSITIONS = sql`changes as (
  select key, 0 as step, ceased as cause, old_state as from_state, 'ok' as to_state, episode, now() as at,
    0 as streak, null::timestamptz as streak_since
  from began where ceased is not null
  union all
  select o.key, 1, 'samples', 'stale', o.resumed_state, o.episode, coalesce(s.at, o.received_at), 0, null
  from outcome o left join samples s on s.key = o.key and s.step = 1
  where o.state = 'stale' and (o.until is not null or o.new_state <> 'stale')
  union all
  select p.key, 1 + p.step, case p.state when 'breached' then 'breach' else 'recovery' end, p.from_state, p.state,
    p.episode, s.at, p.streak, p.streak_since
  from steps p join samples s on s.key = p.key and s.step = p.step
  where p.from_state <> p.state
  union all
  select key, ${sql.lit(1_000_000)}, 'silence', folded_state, 'stale', new_episode, last_seen_at, 0, null
  from outcome where new_state = 'stale' and folded_state <> 'stale'
)`;

/** What is told of each change; it comes with the totals of the metrics that were looked at. */
export const REPORT = sql`
  select t.is_behind, (extract(epoch from t.lagging_since) * 1000)::float8 as lagging_since_ms, c.key, b.client_id, c.cause, c.from_state, c.to_state, c.episode, c.streak,
    (extract(epoch from c.at) * 1000)::float8 as at_ms,
    (extract(epoch from c.streak_since) * 1000)::float8 as streak_since_ms,
    (extract(epoch from b.last_seen_at - b.received_at) * 1000)::float8 as silent_ms,
    s.num_value, s.bool_value, s.str_value, b.hostname, b.threshold_id, b.severity, b.is_alerting_enabled,
    b.comparison, b.value_num, b.value_bool, b.value_str, b.value_low, b.value_high, b.recovery_value
  from (
    select coalesce((select bool_or(folded_until < latest_at) from outcome), false)
        or coalesce(bool_or(not is_eventful and not is_lagging and new_evaluated_until < latest_at), false) as is_behind,
      min(folded_from) filter (where is_lagging) as lagging_since
    from considered
  ) t
  left join (changes c
    join began b on b.key = c.key
    left join samples s on s.key = c.key and s.step = c.step - 1 and c.cause in ('breach', 'recovery')) on true
  order by c.key, c.step`;

/** A change of state as Postgres reports it; without any, one row of nulls brings the totals. */
export interface ReportRow {
  /** Some metrics have more new samples than were looked at. */
  readonly is_behind: boolean;
  /** Metrics that were left alone have samples from then on, UTC milliseconds; null when there are none. */
  readonly lagging_since_ms: number | null;
  readonly key: number | null;
}

export interface ChangeRow extends ReportRow {
  readonly key: number;
  readonly client_id: string;
  readonly cause: TransitionCause;
  readonly from_state: MetricState;
  readonly to_state: MetricState;
  readonly episode: number;
  readonly streak: number;
  readonly at_ms: number;
  readonly streak_since_ms: number | null;
  readonly silent_ms: number | null;
  readonly num_value: number | null;
  readonly bool_value: boolean | null;
  readonly str_value: string | null;
  readonly hostname: string;
  readonly threshold_id: string | null;
  readonly severity: string | null;
  readonly is_alerting_enabled: boolean;
  readonly comparison: Comparison | null;
  readonly value_num: number | null;
  readonly value_bool: boolean | null;
  readonly value_str: string | null;
  readonly value_low: number | null;
  readonly value_high: number | null;
  readonly recovery_value: number | null;
}

/** Call it in the transaction that reported the changes. */
export async function storeTransitions(db: Kysely<object>, changes: readonly ChangeRow[]): Promise<void> {
  if (changes.length === 0) return;
  await sql`
    insert into metric_transitions (metric_key, client_id, episode, from_state, to_state, at, num_value, bool_value,
      str_value, threshold_id, severity, reason, is_alerting)
    select key, client, episode, from_state, to_state, at, num, bool, str, threshold, severity, reason, alerts
    from unnest(
      ${changes.map(({ key }) => key)}::int[],
      ${changes.map(({ client_id: id }) => id)}::uuid[],
      ${changes.map(({ episode }) => episode)}::int[],
      ${changes.map(({ from_state: from }) => from)}::text[],
      ${changes.map(({ to_state: to }) => to)}::text[],
      ${changes.map(({ at_ms: at }) => new Date(at).toISOString())}::timestamptz[],
      ${changes.map(({ num_value: value }) => value)}::float8[],
      ${changes.map(({ bool_value: value }) => value)}::bool[],
      ${changes.map(({ str_value: value }) => value)}::text[],
      ${changes.map(({ threshold_id: id }) => id)}::uuid[],
      ${changes.map(({ severity }) => severity)}::text[],
      ${changes.map(reasonOf)}::text[],
      ${changes.map((change) => change.is_alerting_enabled && change.threshold_id !== null)}::bool[]
    ) with ordinality as c (key, client, episode, from_state, to_state, at, num, bool, str, threshold, severity, reason, alerts, place)
    order by place
  `.execute(db);
  await notePassedBreaches(db, passedBreaches(changes));
}

/** The breaches that somebody would have heard of, had they lasted until now. */
function passedBreaches(changes: readonly ChangeRow[]): PassedBreach[] {
  return changes.flatMap((began, index) => {
    const ended = changes.slice(index + 1).find(({ key, to_state: to }) => key === began.key && to === 'ok');
    const isWanted = began.is_alerting_enabled && began.threshold_id !== null && began.severity !== null;
    if (began.to_state !== 'breached' || began.from_state !== 'ok' || ended === undefined || !isWanted)
      return [];
    return [
      {
        ...{ metricKey: began.key, episode: began.episode, severity: began.severity },
        ...{ beganAt: began.at_ms, endedAt: ended.at_ms, reason: reasonOf(began) },
      },
    ];
  });
}

function reasonOf(change: ChangeRow): string {
  return transitionReason({
    cause: change.cause,
    hostname: change.hostname,
    value: valueOf(change),
    streak: change.streak,
    streakSince: change.streak_since_ms,
    silentMs: change.silent_ms ?? 0,
    compared:
      change.comparison === null
        ? null
        : {
            comparison: change.comparison,
            valueNum: change.value_num,
            valueBool: change.value_bool,
            valueStr: change.value_str,
            valueLow: change.value_low,
            valueHigh: change.value_high,
            recoveryValue: change.recovery_value,
          },
  });
}

function valueOf({
  num_value: num,
  bool_value: bool,
  str_value: str,
}: ChangeRow): MetricSample['value'] | null {
  return num ?? bool ?? str;
}
