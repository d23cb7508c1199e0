import { sql, type Kysely } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { DescribedMachine, MetricBatch, MetricValue } from '../../domain/metricBatch.ts';
import { catalogueEntry } from '../../domain/metricCatalogue.ts';
import { parseMetricName } from '../../domain/metricName.ts';
import type { MetricType } from '../../domain/threshold.ts';
import { DEADLOCK, sqlStateOf } from '../sqlState.ts';
import { inTransaction } from '../transaction.ts';

/** Foreign key violation: a definition that nobody used was deleted in between. */
const GONE = '23503';
const MAX_TRIES = 4;
/** Twice what one batch may hold: whoever has more writes something into the names that changes. */
const MAX_METRICS_OF_A_MACHINE = 20_000;
/** How often a new metric may come before anybody knows: one that comes each hour must not look stale in its first. */
const FIRST_GAP_MS = 25 * 60_000;

interface RegisteredMetric {
  readonly key: number;
  readonly type: MetricType;
  readonly unit: string | null;
}

/** A machine with all its metrics by name, as ingest needs them. */
export interface RegisteredMachine extends DescribedMachine {
  readonly id: string;
  readonly key: number;
  readonly metrics: ReadonlyMap<string, RegisteredMetric>;
}

/** Metrics that were of another type before. */
export class TypeChangedError extends Error {
  override readonly name = 'TypeChangedError';
  readonly changed: readonly { readonly index: number; readonly was: MetricType }[];

  constructor(changed: TypeChangedError['changed']) {
    super('A metric never changes its type.');
    this.changed = changed;
  }
}

/** A machine whose metrics grow without end. */
export class TooManyMetricsError extends Error {
  override readonly name = 'TooManyMetricsError';
  readonly limit = MAX_METRICS_OF_A_MACHINE;
}

/** It was there when it was to be made, and is not any more. */
class MachineDeletedError extends Error {
  override readonly name = 'MachineDeletedError';
}

interface FoundMachine {
  id: string;
  key: number;
  os_type: string | null;
  os_version: string | null;
}

/** The machines and metrics of one client that ingest has to know before it can store samples. */
export class MachineRegistry {
  private readonly em: EntityManager;
  private readonly clientId: string;

  constructor(em: EntityManager, { clientId }: { readonly clientId: string }) {
    this.em = em;
    this.clientId = clientId;
  }

  /**
   * Finds the machine and the metrics of a batch, and makes those that are missing. May run twice and at once.
   *
   * @throws TypeChangedError, TooManyMetricsError, and nothing is made then
   */
  async register(batch: MetricBatch): Promise<RegisteredMachine> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await inTransaction(this.em, (db) => this.registerIn(db, batch));
      } catch (error) {
        const state = sqlStateOf(error);
        const isPassing = error instanceof MachineDeletedError || state === DEADLOCK || state === GONE;
        if (tries >= MAX_TRIES || !isPassing) throw error;
      }
    }
  }

  /**
   * Looks whether a batch can be registered, and makes nothing.
   *
   * @throws TypeChangedError, TooManyMetricsError
   */
  async check({ machine, metrics }: MetricBatch): Promise<void> {
    const db = this.em.getKysely<object>();
    const row = await this.findMachine(db, machine.hostname);
    if (row !== null) refuse(metrics, await knownMetrics(db, row.key));
  }

  private async registerIn(
    db: Kysely<object>,
    { machine, metrics }: MetricBatch,
  ): Promise<RegisteredMachine> {
    const row = await this.upsertMachine(db, machine);
    let known = await knownMetrics(db, row.key);
    refuse(metrics, known);
    const missing = metrics.filter(({ name }) => !known.has(name));
    if (missing.length > 0) {
      await this.insertMetrics(db, row.key, missing);
      known = await knownMetrics(db, row.key);
    }
    const renamed = metrics.filter(({ name, unit }) => unit !== null && known.get(name)?.unit !== unit);
    if (renamed.length > 0) {
      await updateUnits(db, row.key, renamed);
      known = await knownMetrics(db, row.key);
    }
    return { ...row, metrics: known };
  }

  /** Locks the row, so that metrics of a machine are made by one at a time. */
  private async upsertMachine(
    db: Kysely<object>,
    { hostname, os, osVersion }: DescribedMachine,
  ): Promise<Omit<RegisteredMachine, 'metrics'>> {
    const { rows } = await sql<FoundMachine>`
      insert into machines as m (id, client_id, hostname, os_type, os_version)
      values (${crypto.randomUUID()}, ${this.clientId}, ${hostname}, ${os}, ${osVersion})
      on conflict (client_id, lower(hostname)) where unregistered_at is null do update set
        os_type = coalesce(excluded.os_type, m.os_type), os_version = coalesce(excluded.os_version, m.os_version)
      where (m.os_type, m.os_version) is distinct from
        (coalesce(excluded.os_type, m.os_type), coalesce(excluded.os_version, m.os_version))
      returning id, key, os_type, os_version
    `.execute(db);
    // A row that is left as it is is locked, and not returned.
    const row = rows[0] ?? (await this.findMachine(db, hostname));
    if (row === null) throw new MachineDeletedError('The machine was deleted meanwhile: register it again.');
    await sql`insert into machine_states (machine_key) values (${row.key}) on conflict do nothing`.execute(
      db,
    );
    return { id: row.id, key: row.key, hostname, os: row.os_type, osVersion: row.os_version };
  }

  private async findMachine(db: Kysely<object>, hostname: string): Promise<FoundMachine | null> {
    const { rows } = await sql<FoundMachine>`
      select id, key, os_type, os_version from machines
      where client_id = ${this.clientId} and lower(hostname) = lower(${hostname}) and unregistered_at is null
    `.execute(db);
    return rows[0] ?? null;
  }

  /** In the order of their names, so that machines that begin at the same time do not wait for each other in a circle. */
  private async insertMetrics(
    db: Kysely<object>,
    machineKey: number,
    metrics: readonly MetricValue[],
  ): Promise<void> {
    const named = metrics.map((metric) => ({ ...metric, ...parseMetricName(metric.name) }));
    const known = named.map(({ base }) => catalogueEntry(base));
    await sql`
      insert into metric_definitions (client_id, name, type, group_name, description, vendor,
        is_suggested_critical, default_condition)
      select distinct on (base, type) ${this.clientId}::uuid, base, type, group_name, description, vendor,
        is_critical, condition
      from unnest(
        ${named.map(({ base }) => base)}::text[], ${named.map(({ type }) => type)}::text[],
        ${known.map((entry) => entry?.group ?? null)}::text[],
        ${known.map((entry) => entry?.description ?? null)}::text[],
        ${known.map((entry) => entry?.vendor ?? null)}::text[],
        ${known.map((entry) => entry?.isSuggestedCritical ?? false)}::bool[],
        ${known.map((entry) => entry?.defaultCondition ?? null)}::text[]
      ) as s (base, type, group_name, description, vendor, is_critical, condition)
      order by base, type
      on conflict (client_id, name, type) do nothing
    `.execute(db);
    await sql`
      with made as (
        insert into metric_instances (client_id, machine_key, definition_id, name, dimension_value, type, unit)
        select d.client_id, ${machineKey}::int, d.id, s.name, s.dimension, s.type, s.unit
        from unnest(
          ${named.map(({ name }) => name)}::text[], ${named.map(({ base }) => base)}::text[],
          ${named.map(({ dimension }) => dimension)}::text[], ${named.map(({ type }) => type)}::text[],
          ${named.map(({ unit }) => unit)}::text[]
        ) as s (name, base, dimension, type, unit)
        join metric_definitions d on d.client_id = ${this.clientId} and d.name = s.base and d.type = s.type
        order by s.name
        on conflict (machine_key, name) do nothing
        returning key
      ), latest as (
        insert into metric_latest (metric_key, usual_gap_ms) select key, ${FIRST_GAP_MS}::int from made
      )
      insert into metric_evaluations (metric_key) select key from made
    `.execute(db);
  }
}

async function knownMetrics(db: Kysely<object>, machineKey: number): Promise<Map<string, RegisteredMetric>> {
  const { rows } = await sql<RegisteredMetric & { name: string }>`
    select name, key, type, unit from metric_instances where machine_key = ${machineKey}
  `.execute(db);
  return new Map(rows.map(({ name, key, type, unit }) => [name, { key, type, unit }]));
}

async function updateUnits(
  db: Kysely<object>,
  machineKey: number,
  metrics: readonly MetricValue[],
): Promise<void> {
  await sql`
    update metric_instances i set unit = s.unit
    from unnest(${metrics.map(({ name }) => name)}::text[], ${metrics.map(({ unit }) => unit)}::text[]) as s (name, unit)
    where i.machine_key = ${machineKey} and i.name = s.name
  `.execute(db);
}

/** @throws TypeChangedError, TooManyMetricsError */
function refuse(metrics: readonly MetricValue[], known: ReadonlyMap<string, RegisteredMetric>): void {
  const changed = metrics.flatMap(({ name, type }, index) => {
    const was = known.get(name)?.type ?? type;
    return was === type ? [] : [{ index, was }];
  });
  if (changed.length > 0) throw new TypeChangedError(changed);
  const missing = metrics.filter(({ name }) => !known.has(name));
  if (known.size + missing.length > MAX_METRICS_OF_A_MACHINE) throw new TooManyMetricsError();
}
