import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { MikroORM } from '@mikro-orm/postgresql';

interface SentMetric {
  readonly name: string;
  readonly type: string;
  readonly value: unknown;
  readonly unit?: unknown;
}

/** What an agent posts: one machine with a metric of each type. */
export function buildIngest(overrides: Readonly<Record<string, unknown>> = {}) {
  return {
    machine: { hostname: `web-${randomUUID().slice(0, 8)}`, os: 'linux' },
    metrics: buildMetrics(),
    ...overrides,
  };
}

export function buildMetrics(): SentMetric[] {
  return [
    { name: 'cpu_load', type: 'numeric', value: 0.42, unit: 'ratio' },
    { name: 'service_nginx_ok', type: 'boolean', value: true },
    { name: 'version', type: 'string', value: '1.0.0' },
  ];
}

interface SampleRow {
  readonly name: string;
  readonly at: string;
  readonly value: string;
}

/** Every stored sample of a machine, oldest first, its value as text. */
export async function samplesOf(orm: MikroORM, machineId: string): Promise<SampleRow[]> {
  const { rows } = await sql<SampleRow>`
    select i.name, to_char(s.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
      coalesce(s.num_value::text, s.bool_value::text, s.str_value) as value
    from machines m join metric_instances i on i.machine_key = m.key join metric_samples s on s.metric_key = i.key
    where m.id = ${machineId} order by s.at, i.name
  `.execute(orm.em.fork().getKysely<object>());
  return rows;
}
