import type { Client } from 'pg';

const METRICS_A_MACHINE = 100;
const SAMPLE_EVERY_MS = 30_000;
/** One by one they would fill the index for minutes. */
const MANY = 10;

export interface MetricPopulation {
  readonly metrics: number;
  readonly clients: number;
}

/** Clients with machines, whose metrics all have an active threshold (above 0.9 twice in a row, back at 0.8). */
export async function createMetrics(database: Client, { metrics, clients }: MetricPopulation): Promise<void> {
  const machines = Math.ceil(metrics / METRICS_A_MACHINE);
  await database.query(
    `insert into clients (name) select 'bench ' || number from generate_series(1, $1::int) number`,
    [clients],
  );
  await database.query(
    `with owners as (select id, row_number() over (order by id) - 1 as place from clients where name like 'bench %')
     insert into machines (id, client_id, hostname)
     select gen_random_uuid(), o.id, 'web-' || number
     from generate_series(1, $1::int) number join owners o on o.place = number % $2::int`,
    [machines, clients],
  );
  await database.query(`insert into machine_states (machine_key, status) select key, 'up' from machines`);
  await database.query(
    `insert into metric_definitions (client_id, name, type)
     select id, 'metric ' || number, 'numeric' from clients, generate_series(1, $1::int) number where name like 'bench %'`,
    [METRICS_A_MACHINE],
  );
  await database.query(
    `insert into metric_instances (client_id, machine_key, definition_id, name, type)
     select m.client_id, m.key, d.id, d.name, d.type from machines m join metric_definitions d using (client_id)
     order by m.key limit $1::int`,
    [metrics],
  );
  await database.query(`
    insert into metric_latest (metric_key) select key from metric_instances;
    insert into metric_evaluations (metric_key) select key from metric_instances;
    insert into thresholds (metric_key, comparison, value_num, recovery_value, consecutive_breaches)
      select key, 'gt', 0.9, 0.8, 2 from metric_instances;
  `);
}

export interface PostedSamples {
  /** Of each metric, the last of them now. */
  readonly count: number;
  /** The share of the metrics whose samples are all over the threshold. */
  readonly breaching: number;
  /** Of the last sample, UTC milliseconds. */
  readonly until: number;
}

/**
 * Writes samples of every metric in order of time, as ingest does, some 30 s apart. Many of them go in without their
 * index, which is built afterwards: it is smaller then than one that has grown.
 */
export async function postSamples(
  database: Client,
  { count, breaching, until }: PostedSamples,
): Promise<void> {
  if (count > MANY) await database.query('drop index metric_samples_metric_at');
  const times = Array.from({ length: count }, (_, index) => until - (count - 1 - index) * SAMPLE_EVERY_MS);
  await database.query(
    `insert into metric_samples (at, num_value, metric_key)
     select at, case when key % 1000 < $2::float8 * 1000 then 0.95 else 0.5 end, key
     from unnest($1::timestamptz[]) at, metric_instances order by at`,
    [times.map((at) => new Date(at).toISOString()), breaching],
  );
  if (count > MANY) {
    await database.query('create index metric_samples_metric_at on metric_samples (metric_key, at)');
  }
  await database.query(`update metric_latest set at = $1, received_at = now(), usual_gap_ms = 30000`, [
    new Date(until).toISOString(),
  ]);
  await database.query('update machine_states set last_seen_at = now()');
}
