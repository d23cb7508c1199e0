import { sql, type Kysely } from 'kysely';
import type { MetricValue } from '../../domain/metricBatch.ts';
import { syncAlerts } from './alerting/syncAlerts.ts';
import { markLateSampleHours } from './lateSampleHours.ts';

/** A value of a metric that is known by its key. */
export interface Sample {
  readonly metricKey: number;
  readonly value: MetricValue['value'];
}

/** What an agent has posted about one machine, ready to be stored. Times are UTC milliseconds. */
export interface BatchToStore {
  readonly id: string;
  readonly content: string;
  readonly machineKey: number;
  /** When the values were measured. */
  readonly at: number;
  readonly samples: readonly Sample[];
}

/** What is stored under an id. */
export interface StoredIngest {
  readonly content: string;
  readonly machineKey: number;
  readonly metrics: number;
}

/** Metrics that nobody had sent for long were deleted after their keys were looked up. */
export class MetricsGoneError extends Error {
  override readonly name = 'MetricsGoneError';
}

/**
 * The statements of one group of batches, in their order; they share a transaction. When something was received is said
 * by the database, whose clock also judges silence.
 */
export class IngestGroup {
  private readonly db: Kysely<object>;

  constructor(db: Kysely<object>) {
    this.db = db;
  }

  /** Waits for whoever stores the same id at the same time. @returns the ids that were not stored before */
  async claim(batches: readonly BatchToStore[]): Promise<ReadonlySet<string>> {
    const { rows } = await sql<{ id: string }>`
      insert into ingests (id, content, received_at, machine_key, metrics)
      select id, content, now(), machine_key, metrics from unnest(
        ${batches.map(({ id }) => id)}::uuid[],
        ${batches.map(({ content }) => content)}::uuid[],
        ${batches.map(({ machineKey }) => machineKey)}::int[],
        ${batches.map(({ samples }) => samples.length)}::int[]
      ) as i (id, content, machine_key, metrics)
      order by id
      on conflict do nothing returning id
    `.execute(this.db);
    return new Set(rows.map(({ id }) => id));
  }

  async stored(ids: readonly string[]): Promise<ReadonlyMap<string, StoredIngest>> {
    if (ids.length === 0) return new Map();
    const { rows } = await sql<{ id: string; content: string; machine_key: number; metrics: number }>`
      select id, content, machine_key, metrics from ingests where id = any(${ids}::uuid[])
    `.execute(this.db);
    return new Map(
      rows.map(({ id, content, machine_key: machineKey, metrics }) => [id, { content, machineKey, metrics }]),
    );
  }

  async unclaim(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await sql`delete from ingests where id = any(${ids}::uuid[])`.execute(this.db);
  }

  /**
   * Marks machines as seen. Whoever was unknown or down is up from now on, unless it is paused, and its alert is over.
   *
   * @returns the machines that exist, and whether each came up
   */
  async markSeen(keys: readonly number[]): Promise<ReadonlyMap<number, { cameUp: boolean }>> {
    if (keys.length === 0) return new Map();
    const { rows } = await sql<{ machine_key: number; came_up: boolean }>`
      with before as (
        select s.machine_key, s.status, s.episode, s.status in ('unknown', 'down') as came_up
        from machine_states s join machines m on m.key = s.machine_key
        where s.machine_key = any(${keys}::int[]) and m.unregistered_at is null
        order by s.machine_key for update of s
      ), risen as (
        insert into machine_transitions (machine_key, episode, from_status, to_status, at, last_seen_at)
        select machine_key, episode, status, 'up', now(), now() from before where came_up
      )
      update machine_states s set
        last_seen_at = greatest(s.last_seen_at, now()),
        status = case when b.came_up then 'up' else s.status end,
        last_state_change_at = case when b.came_up then now() else s.last_state_change_at end
      from before b
      where s.machine_key = b.machine_key
      returning s.machine_key, b.came_up
    `.execute(this.db);
    await syncAlerts(
      this.db,
      'heartbeat',
      rows.filter(({ came_up: cameUp }) => cameUp).map(({ machine_key: key }) => key),
    );
    return new Map(rows.map(({ machine_key: key, came_up: cameUp }) => [key, { cameUp }]));
  }

  /** Stores the samples, and the newest of each metric beside them. @throws MetricsGoneError */
  async storeSamples(batches: readonly BatchToStore[]): Promise<void> {
    const columns = toColumns(batches);
    if (columns.keys.length === 0) return;
    const { numAffectedRows } = await sql`
      with sent as (
        select * from unnest(
          ${columns.keys}::int[], ${columns.at}::timestamptz[], ${columns.num}::float8[], ${columns.bool}::bool[], ${columns.str}::text[]
        ) as s (metric_key, at, num_value, bool_value, str_value)
      ), stored as (
        insert into metric_samples (at, num_value, metric_key, bool_value, str_value)
        select at, num_value, metric_key, bool_value, str_value from sent
      )
      update metric_latest l set
        at = greatest(l.at, s.at),
        num_value = case when s.at >= l.at is not false then s.num_value else l.num_value end,
        bool_value = case when s.at >= l.at is not false then s.bool_value else l.bool_value end,
        str_value = case when s.at >= l.at is not false then s.str_value else l.str_value end,
        received_at = case when s.at >= l.at is not false then now() else l.received_at end,
        usual_gap_ms = case when s.at >= l.at is not false then greatest(
          least(coalesce(extract(epoch from now() - l.received_at) * 1000, 0), ${LONGEST_GAP_MS}::int),
          l.usual_gap_ms * ${GAP_DECAY}::float8)::int else l.usual_gap_ms end
      from (select distinct on (metric_key) * from sent order by metric_key, at desc) s
      where l.metric_key = s.metric_key
    `.execute(this.db);
    if (Number(numAffectedRows ?? 0) < new Set(columns.keys).size) throw new MetricsGoneError();
    await markLateSampleHours(this.db, columns.keys, columns.instants);
  }
}

/** A metric that comes once a week is as rare as one can be told to be missing. */
const LONGEST_GAP_MS = 7 * 86_400_000;
/** The usual gap forgets an interruption after some twenty samples. */
const GAP_DECAY = 0.8;

function toColumns(batches: readonly BatchToStore[]) {
  const columns = {
    keys: [] as number[],
    at: [] as string[],
    instants: [] as number[],
    num: [] as (number | null)[],
    bool: [] as (boolean | null)[],
    str: [] as (string | null)[],
  };
  for (const { samples, at } of batches) {
    const atText = new Date(at).toISOString();
    for (const { metricKey, value } of samples) {
      columns.keys.push(metricKey);
      columns.instants.push(at);
      columns.at.push(atText);
      columns.num.push(typeof value === 'number' ? value : null);
      columns.bool.push(typeof value === 'boolean' ? value : null);
      columns.str.push(typeof value === 'string' ? value : null);
    }
  }
  return columns;
}
