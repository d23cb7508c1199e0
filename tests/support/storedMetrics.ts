import { randomUUID } from 'node:crypto';
import { sql, type RawBuilder } from 'kysely';
import type { MikroORM } from '@mikro-orm/postgresql';
import { inTransaction } from '../../src/db/transaction.ts';
import { parseMetricName } from '../../src/domain/metricName.ts';
import type { MetricState, MetricType } from '../../src/domain/threshold.ts';
import { until } from './until.ts';

type Value = number | boolean | string;

/** What a row is known by. */
export interface RowRef {
  readonly id: string;
  readonly key: number;
}

/** Times are RFC 3339. */
interface StoredMachineOptions {
  readonly clientId: string;
  readonly hostname?: string;
  readonly osVersion?: string | null;
  readonly status?: string;
  readonly lastSeenAt?: string | null;
  readonly registeredAt?: string;
}

export interface StoredMetricOptions {
  readonly name?: string;
  readonly type?: MetricType;
  readonly unit?: string | null;
  readonly group?: string | null;
  readonly description?: string | null;
  readonly vendor?: string | null;
  readonly isSuggestedCritical?: boolean;
  readonly defaultCondition?: string | null;
  readonly state?: MetricState;
  /** The newest sample; times are RFC 3339. */
  readonly latest?: { readonly at: string; readonly value: Value; readonly receivedAt?: string };
}

interface RollupOptions {
  /** RFC 3339: the hour, or the day. */
  readonly at: string;
  readonly samples: number;
  readonly total?: number;
  readonly low?: number;
  readonly high?: number;
  readonly trues?: number;
}

/** Machines and metrics as a test wants them, past ingest, evaluation and rollups. */
export class StoredMetrics {
  private readonly orm: MikroORM;

  constructor(orm: MikroORM) {
    this.orm = orm;
  }

  async execute<R>(statement: RawBuilder<R>): Promise<R[]> {
    return (await statement.execute(this.orm.em.fork().getKysely<object>())).rows;
  }

  /** One that is up and was seen just now, unless it says something else. */
  async insertMachine(options: StoredMachineOptions): Promise<RowRef> {
    const { hostname = randomUUID(), status = 'up', lastSeenAt = new Date().toISOString() } = options;
    const machine = await this.inserted(sql<RowRef>`
      insert into machines (id, client_id, hostname, os_type, os_version, registered_at)
      values (${randomUUID()}, ${options.clientId}, ${hostname}, 'linux', ${options.osVersion ?? null},
        coalesce(${options.registeredAt ?? null}::timestamptz, clock_timestamp()))
      returning id, key
    `);
    await this.execute(sql`
      insert into machine_states (machine_key, status, last_seen_at)
      values (${machine.key}, ${status}, ${lastSeenAt}::timestamptz)
    `);
    return machine;
  }

  /** A numeric one without samples, unless it says something else. */
  async insertMetric(machine: RowRef, options: StoredMetricOptions = {}): Promise<RowRef> {
    const { name = 'cpu_load', type = 'numeric', state = 'ok', latest } = options;
    const { base, dimension } = parseMetricName(name);
    await this.execute(sql`
      insert into metric_definitions (client_id, name, type, group_name, description, vendor,
        is_suggested_critical, default_condition)
      select client_id, ${base}, ${type}, ${options.group ?? null}, ${options.description ?? null},
        ${options.vendor ?? null}, ${options.isSuggestedCritical ?? false}, ${options.defaultCondition ?? null}
      from machines where key = ${machine.key}
      on conflict do nothing
    `);
    const metric = await this.inserted(sql<RowRef>`
      insert into metric_instances (client_id, machine_key, definition_id, name, dimension_value, type, unit)
      select m.client_id, m.key, d.id, ${name}, ${dimension}, d.type, ${options.unit ?? null}
      from machines m
      join metric_definitions d on d.client_id = m.client_id and d.name = ${base} and d.type = ${type}
      where m.key = ${machine.key}
      returning id, key
    `);
    await this.execute(sql`
      insert into metric_latest (metric_key, at, received_at, num_value, bool_value, str_value)
      values (${metric.key}, ${latest?.at ?? null}::timestamptz,
        ${latest?.receivedAt ?? latest?.at ?? null}::timestamptz, ${valueColumns(latest?.value)})
    `);
    await this.execute(
      sql`insert into metric_evaluations (metric_key, state) values (${metric.key}, ${state})`,
    );
    return metric;
  }

  /** @param samples in the order in which they come in; times are RFC 3339 */
  async insertSamples(
    { key }: RowRef,
    samples: readonly (readonly [at: string, value: Value])[],
  ): Promise<void> {
    await this.execute(sql`
      select ensure_sample_partition(day::date) from unnest(${samples.map(([at]) => at.slice(0, 10))}::text[]) as day
    `);
    const rows = samples.map(([at, value]) => sql`(${key}::int, ${at}::timestamptz, ${valueColumns(value)})`);
    await this.execute(sql`
      insert into metric_samples (metric_key, at, num_value, bool_value, str_value) values ${sql.join(rows)}
    `);
  }

  async insertHours(metric: RowRef, rollups: readonly RollupOptions[]): Promise<void> {
    for (const rollup of rollups) await this.insertRollup(metric, rollup, 'hour');
  }

  async insertDays(metric: RowRef, rollups: readonly RollupOptions[]): Promise<void> {
    for (const rollup of rollups) await this.insertRollup(metric, rollup, 'day');
  }

  /** As if everything before had been rolled up, and nothing after. @param at RFC 3339 */
  async setRolledUpUntil(at: string): Promise<void> {
    await this.execute(sql`update sample_rollup_progress set rolled_up_until = ${at}::timestamptz`);
  }

  /**
   * Lets requests meet: holds the lock of a row until so many of them wait for it.
   *
   * @param lock a statement that takes the lock
   * @param requests sends them
   */
  async whileLocked<T>(lock: RawBuilder<unknown>, waiting: number, requests: () => Promise<T>): Promise<T> {
    const { answers } = await inTransaction(this.orm.em.fork(), async (db) => {
      await lock.execute(db);
      const sent = requests();
      await until(
        async () => {
          const rows = await this.execute(sql<{ waiting: number }>`
          select count(*)::int as waiting from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'
        `);
          return rows[0]?.waiting === waiting;
        },
        { what: 'that the requests wait' },
      );
      return { answers: sent };
    });
    return answers;
  }

  private async insertRollup({ key }: RowRef, rollup: RollupOptions, unit: 'hour' | 'day'): Promise<void> {
    const { at, samples, total, low, high, trues } = rollup;
    await this.execute(sql`select ensure_sample_rollup_partitions(${at.slice(0, 10)}::date)`);
    const [table, time] =
      unit === 'hour'
        ? [sql`sample_hourly_rollups`, sql`${at}::timestamptz`]
        : [sql`sample_daily_rollups`, sql`${at.slice(0, 10)}::date`];
    await this.execute(sql`
      insert into ${table} (${sql.ref(unit)}, metric_key, samples, total, low, high, trues)
      values (${time}, ${key}, ${samples}, ${total ?? null}::float8, ${low ?? null}::float8,
        ${high ?? null}::float8, ${trues ?? null}::int)
    `);
  }

  private async inserted(statement: RawBuilder<RowRef>): Promise<RowRef> {
    const [row] = await this.execute(statement);
    if (row === undefined) throw new Error('an insert gives its row back');
    return row;
  }
}

function valueColumns(value: Value | undefined): RawBuilder<unknown> {
  return sql`${typeof value === 'number' ? value : null}::float8,
    ${typeof value === 'boolean' ? value : null}::bool, ${typeof value === 'string' ? value : null}::text`;
}
