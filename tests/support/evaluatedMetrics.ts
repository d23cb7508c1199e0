import { sql } from 'kysely';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { MetricSample, MetricType, ThresholdRule } from '../../src/domain/threshold.ts';
import { DEV_CLIENT_ID } from '../../src/db/seeders/devAccess.ts';
import { ABOVE_ONE } from './thresholdRules.ts';

/** A metric with its machine, written past the ingest. */
export interface MetricRow {
  readonly key: number;
  readonly id: string;
  readonly machineKey: number;
}

interface MetricRowOptions {
  readonly clientId?: string;
  readonly hostname?: string;
  readonly type?: MetricType;
  /** Of a metric on the same machine. */
  readonly machineKey?: number;
}

/** @returns a metric that has never sent anything, on a machine of its own unless one is given */
export async function createMetric(orm: MikroORM, options: MetricRowOptions = {}): Promise<MetricRow> {
  const { clientId = DEV_CLIENT_ID, hostname = `web-${crypto.randomUUID()}`, type = 'numeric' } = options;
  const name = `metric_${crypto.randomUUID()}`;
  const db = orm.em.fork().getKysely<object>();
  const machineKey = options.machineKey ?? (await createMachine(orm, clientId, hostname));
  const { rows } = await sql<MetricRow>`
    with definition as (
      insert into metric_definitions (client_id, name, type) values (${clientId}, ${name}, ${type}) returning id
    ), made as (
      insert into metric_instances (client_id, machine_key, definition_id, name, type)
      select ${clientId}, ${machineKey}::int, id, ${name}, ${type} from definition returning id, key, machine_key
    ), latest as (insert into metric_latest (metric_key) select key from made),
    evaluation as (insert into metric_evaluations (metric_key) select key from made)
    select key, id, machine_key as "machineKey" from made
  `.execute(db);
  const [metric] = rows;
  if (metric === undefined) throw new Error('no metric was made');
  return metric;
}

async function createMachine(orm: MikroORM, clientId: string, hostname: string): Promise<number> {
  const { rows } = await sql<{ machine_key: number }>`
    with made as (
      insert into machines (id, client_id, hostname) values (gen_random_uuid(), ${clientId}, ${hostname}) returning key
    )
    insert into machine_states (machine_key, status) select key, 'up' from made returning machine_key
  `.execute(orm.em.fork().getKysely<object>());
  const [machine] = rows;
  if (machine === undefined) throw new Error('no machine was made');
  return machine.machine_key;
}

/** What ingest does with samples that come at `receivedAt` (by default: as soon as they are measured). */
export async function postSamples(
  orm: MikroORM,
  metric: MetricRow,
  samples: readonly MetricSample[],
  receivedAt = Math.max(...samples.map(({ at }) => at)),
): Promise<void> {
  if (samples.length === 0) return;
  const db = orm.em.fork().getKysely<object>();
  const times = samples.map(({ at }) => iso(at));
  const days = [...new Set(times.map((time) => time.slice(0, 10)))];
  await sql`select ensure_sample_partition(day) from unnest(${days}::date[]) as day`.execute(db);
  const values = samples.map(({ value }) => value);
  await sql`
    with sent as (
      select * from unnest(${times}::timestamptz[],
        ${values.map((value) => (typeof value === 'number' ? value : null))}::float8[],
        ${values.map((value) => (typeof value === 'boolean' ? value : null))}::bool[],
        ${values.map((value) => (typeof value === 'string' ? value : null))}::text[]) as s (at, num, bool, str)
    ), stored as (
      insert into metric_samples (at, num_value, metric_key, bool_value, str_value)
      select at, num, ${metric.key}::int, bool, str from sent
    ), latest as (
      update metric_latest l set at = greatest(l.at, s.at), received_at = greatest(l.received_at, ${iso(receivedAt)})
      from (select max(at) as at from sent) s where metric_key = ${metric.key}
    )
    update machine_states set last_seen_at = greatest(last_seen_at, ${iso(receivedAt)})
    where machine_key = ${metric.machineKey}
  `.execute(db);
}

/** As if all samples before had been rolled up, and none after. @param at UTC milliseconds, a full hour */
export async function setSamplesRolledUpUntil(orm: MikroORM, at: number): Promise<void> {
  await sql`update sample_rollup_progress set rolled_up_until = ${iso(at)}::timestamptz`.execute(
    orm.em.fork().getKysely<object>(),
  );
}

/** The machine reports, but not this metric. */
export async function reportWithout(orm: MikroORM, { machineKey }: MetricRow, at: number): Promise<void> {
  await sql`update machine_states set last_seen_at = ${iso(at)} where machine_key = ${machineKey}`.execute(
    orm.em.fork().getKysely<object>(),
  );
}

/** Gives a metric its default threshold, or another one. @returns its id */
export async function setThreshold(
  orm: MikroORM,
  { key }: MetricRow,
  overrides: Partial<ThresholdRule> & { isActive?: boolean } = {},
): Promise<string> {
  const rule = { ...ABOVE_ONE, isActive: true, ...overrides };
  const { rows } = await sql<{ id: string }>`
    insert into thresholds as t (metric_key, comparison, value_num, value_bool, value_str, value_low, value_high,
      recovery_value, consecutive_breaches, min_duration_sec, cooldown_sec, is_active)
    values (${key}, ${rule.comparison}, ${rule.valueNum}, ${rule.valueBool}, ${rule.valueStr}, ${rule.valueLow},
      ${rule.valueHigh}, ${rule.recoveryValue}, ${rule.consecutiveBreaches}, ${rule.minDurationSeconds},
      ${rule.cooldownSeconds}, ${rule.isActive})
    on conflict (metric_key, name) do update set comparison = excluded.comparison, value_num = excluded.value_num,
      value_bool = excluded.value_bool, value_str = excluded.value_str, value_low = excluded.value_low,
      value_high = excluded.value_high, recovery_value = excluded.recovery_value,
      consecutive_breaches = excluded.consecutive_breaches, min_duration_sec = excluded.min_duration_sec,
      cooldown_sec = excluded.cooldown_sec, is_active = excluded.is_active,
      updated_at = greatest(clock_timestamp(), t.updated_at + interval '1 microsecond')
    returning id
  `.execute(orm.em.fork().getKysely<object>());
  return rows[0]?.id ?? '';
}

interface TransitionRow {
  readonly from: string;
  readonly to: string;
  readonly episode: number;
  /** UTC milliseconds. */
  readonly at: number;
  readonly reason: string;
  readonly isAlerting: boolean;
}

/** In the order in which they happened. */
export async function transitionsOf(orm: MikroORM, { key }: MetricRow): Promise<TransitionRow[]> {
  const { rows } = await sql<TransitionRow>`
    select from_state as "from", to_state as "to", episode, (extract(epoch from at) * 1000)::float8 as at, reason,
      is_alerting as "isAlerting"
    from metric_transitions where metric_key = ${key} order by id
  `.execute(orm.em.fork().getKysely<object>());
  return rows;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
