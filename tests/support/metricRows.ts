import { randomUUID } from 'node:crypto';
import { sql, type RawBuilder } from 'kysely';
import type { MikroORM } from '@mikro-orm/postgresql';
import { parseMetricName } from '../../src/domain/metricName.ts';
import type { MetricState, MetricType } from '../../src/domain/threshold.ts';

/** What a row is known by. */
export interface RowRef {
  readonly id: string;
  readonly key: number;
}

export interface MachineRowOptions {
  readonly clientId: string;
  readonly hostname?: string;
  readonly os?: string | null;
  readonly osVersion?: string | null;
  readonly status?: string;
  /** RFC 3339. */
  readonly lastSeenAt?: string | null;
  readonly registeredAt?: string;
}

export interface MetricRowOptions {
  readonly name?: string;
  readonly type?: MetricType;
  readonly unit?: string | null;
  readonly group?: string | null;
  readonly description?: string | null;
  readonly vendor?: string | null;
  readonly isSuggestedCritical?: boolean;
  readonly defaultCondition?: string | null;
  readonly state?: MetricState;
  readonly isAlertingEnabled?: boolean;
  /** The newest sample; RFC 3339. */
  readonly latest?: {
    readonly at: string;
    readonly value: number | boolean | string;
    readonly receivedAt?: string;
  };
}

export interface SampleRowOptions {
  /** RFC 3339. */
  readonly at: string;
  readonly value: number | boolean | string;
}

export interface RollupRowOptions {
  /** RFC 3339; its day is taken for a daily rollup. */
  readonly at: string;
  readonly samples: number;
  readonly total?: number;
  readonly low?: number;
  readonly high?: number;
  readonly trues?: number;
}

/** Machines and metrics as a test wants them, past ingest and evaluation. */
export function metricRows(orm: MikroORM) {
  const execute = async <R>(statement: RawBuilder<R>): Promise<R[]> =>
    (await statement.execute(orm.em.fork().getKysely<object>())).rows;
  const inserted = async (statement: RawBuilder<RowRef>): Promise<RowRef> => {
    const [row] = await execute(statement);
    if (row === undefined) throw new Error('an insert gives its row back');
    return row;
  };

  return {
    execute,

    /** One that is up and was seen just now. */
    insertMachine: async (options: MachineRowOptions): Promise<RowRef> => {
      const {
        os = 'linux',
        osVersion = null,
        status = 'up',
        lastSeenAt = new Date().toISOString(),
      } = options;
      const machine = await inserted(sql<RowRef>`
        insert into machines (id, client_id, hostname, os_type, os_version, registered_at)
        values (${randomUUID()}, ${options.clientId}, ${options.hostname ?? randomUUID()}, ${os}, ${osVersion},
          coalesce(${options.registeredAt ?? null}::timestamptz, clock_timestamp()))
        returning id, key
      `);
      await execute(sql`
        insert into machine_states (machine_key, status, last_seen_at)
        values (${machine.key}, ${status}, ${lastSeenAt}::timestamptz)
      `);
      return machine;
    },

    /** A numeric one without samples unless it says something else. */
    insertMetric: async (machine: RowRef, options: MetricRowOptions = {}): Promise<RowRef> => {
      const { name = 'cpu_load', type = 'numeric', latest, isAlertingEnabled = true } = options;
      const { base, dimension } = parseMetricName(name);
      await execute(sql`
        insert into metric_definitions (client_id, name, type, group_name, description, vendor,
          is_suggested_critical, default_condition)
        select client_id, ${base}, ${type}, ${options.group ?? null}, ${options.description ?? null},
          ${options.vendor ?? null}, ${options.isSuggestedCritical ?? false}, ${options.defaultCondition ?? null}
        from machines where key = ${machine.key}
        on conflict do nothing
      `);
      const metric = await inserted(sql<RowRef>`
        insert into metric_instances (client_id, machine_key, definition_id, name, dimension_value, type, unit,
          is_alerting_enabled)
        select m.client_id, m.key, d.id, ${name}, ${dimension}, d.type, ${options.unit ?? null}, ${isAlertingEnabled}
        from machines m join metric_definitions d on d.client_id = m.client_id and d.name = ${base} and d.type = ${type}
        where m.key = ${machine.key}
        returning id, key
      `);
      await execute(sql`
        insert into metric_latest (metric_key, at, received_at, num_value, bool_value, str_value)
        values (${metric.key}, ${latest?.at ?? null}::timestamptz,
          ${latest?.receivedAt ?? latest?.at ?? null}::timestamptz, ${columns(latest?.value)})
      `);
      await execute(sql`
        insert into metric_evaluations (metric_key, state) values (${metric.key}, ${options.state ?? 'ok'})
      `);
      return metric;
    },

    insertSamples: async ({ key }: RowRef, samples: readonly SampleRowOptions[]): Promise<void> => {
      const days = [...new Set(samples.map(({ at }) => new Date(at).toISOString().slice(0, 10)))];
      await execute(sql`select ensure_sample_partition(day) from unnest(${days}::date[]) as day`);
      for (const { at, value } of samples) {
        await execute(sql`
          insert into metric_samples (metric_key, at, num_value, bool_value, str_value)
          values (${key}, ${at}::timestamptz, ${columns(value)})
        `);
      }
    },

    insertHourlyRollups: (metric: RowRef, rollups: readonly RollupRowOptions[]) =>
      insertRollups(execute, metric, rollups, {
        table: 'sample_hourly_rollups',
        column: 'hour',
        type: 'timestamptz',
      }),

    insertDailyRollups: (metric: RowRef, rollups: readonly RollupRowOptions[]) =>
      insertRollups(execute, metric, rollups, { table: 'sample_daily_rollups', column: 'day', type: 'date' }),

    /** As if everything before had been rolled up, and nothing after. */
    setRolledUpUntil: async (at: string): Promise<void> => {
      await execute(sql`update sample_rollup_progress set rolled_up_until = ${at}::timestamptz`);
    },
  };
}

async function insertRollups(
  execute: (statement: RawBuilder<unknown>) => Promise<unknown>,
  { key }: RowRef,
  rollups: readonly RollupRowOptions[],
  { table, column, type }: { readonly table: string; readonly column: string; readonly type: string },
): Promise<void> {
  for (const { at, samples, total, low, high, trues } of rollups) {
    const time = type === 'date' ? at.slice(0, 10) : at;
    await execute(sql`select ensure_sample_rollup_partitions(${at.slice(0, 10)}::date)`);
    await execute(sql`
      insert into ${sql.table(table)} (${sql.ref(column)}, metric_key, samples, total, low, high, trues)
      values (${time}::${sql.raw(type)}, ${key}, ${samples}, ${total ?? null}::float8, ${low ?? null}::float8,
        ${high ?? null}::float8, ${trues ?? null}::int)
    `);
  }
}

function columns(value: number | boolean | string | undefined): RawBuilder<unknown> {
  return sql`${typeof value === 'number' ? value : null}::float8, ${typeof value === 'boolean' ? value : null}::bool,
    ${typeof value === 'string' ? value : null}::text`;
}
