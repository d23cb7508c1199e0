import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { parseMetricName } from '../../domain/metricName.ts';
import type { MetricState, MetricType } from '../../domain/threshold.ts';
import { inTransaction } from '../transaction.ts';
import { syncAlerts } from './alerting/syncAlerts.ts';
import type { Caller } from './clients.ts';
import { decodeCursor } from './cursor.ts';
import { pageOf, type Page } from './page.ts';
import { finiteSum } from './finiteSum.ts';
import { FROM_METRICS, METRIC_COLUMNS, toMetric, type Metric, type MetricRow } from './metricRow.ts';
import { writeThreshold, type ThresholdChange } from './thresholds.ts';

interface MetricFilter {
  readonly machineId?: string | undefined;
  /** As it is sent; without its dimension it stands for those of all dimensions. */
  readonly name?: string | undefined;
  readonly type?: MetricType | undefined;
  readonly state?: MetricState | undefined;
}

interface MetricPage {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

const BASELINE_MS = 7 * 86_400_000;

/** The metrics of one client's registered machines; there is no way to ask for another's. */
export class MetricRepository {
  private readonly em: EntityManager;
  private readonly clientId: string;

  constructor(em: EntityManager, caller: Pick<Caller, 'clientId'>) {
    this.em = em;
    this.clientId = caller.clientId;
  }

  /**
   * @returns a page in the order in which the metrics came to be, and the cursor of the next one
   * @throws InvalidCursorError
   */
  async list(filter: MetricFilter, { limit, cursor }: MetricPage): Promise<Page<Metric>> {
    const after = cursor === undefined ? 0 : Number(decodeCursor(cursor, ['key'])[0]);
    const rows = await this.select(
      sql`${this.conditions(filter)} and i.key > ${after} order by i.key limit ${limit + 1}`,
    );
    return pageOf(rows, { limit, toItem: toMetric, keyOf: (row) => [row.key] });
  }

  async count(filter: MetricFilter): Promise<number> {
    const { rows } = await sql<{ total: number }>`
      select count(*)::int as total ${FROM_METRICS} where ${this.conditions(filter)}
    `.execute(this.em.getKysely<object>());
    return rows[0]?.total ?? 0;
  }

  /** All metrics of a machine, by name. */
  async ofMachine(machineId: string): Promise<Metric[]> {
    const rows = await this.select(sql`${this.conditions({ machineId })} order by i.name`);
    return rows.map(toMetric);
  }

  async find(id: string, db: Kysely<object> = this.em.getKysely<object>()): Promise<Metric | null> {
    const [row] = await this.select(sql`i.client_id = ${this.clientId} and i.id = ${id}`, db);
    return row === undefined ? null : toMetric(row);
  }

  /** @returns whether there is such a metric */
  async setAlertingEnabled(id: string, isEnabled: boolean): Promise<boolean> {
    return this.set(id, sql`is_alerting_enabled = ${isEnabled}`);
  }

  /** Its samples are stored all the same. @returns whether there is such a metric */
  async setPaused(id: string, isPaused: boolean): Promise<boolean> {
    return this.set(id, sql`is_paused = ${isPaused}`);
  }

  /**
   * Sets the default threshold of a metric as it is at that moment, under the lock of the metric, so that concurrent
   * changes of different fields all stay.
   *
   * @param change gives what is to be; may throw, then nothing changes
   * @returns the metric before and after, or null when it does not exist
   */
  changeThreshold(
    id: string,
    change: (current: Metric) => ThresholdChange,
  ): Promise<{ before: Metric; after: Metric } | null> {
    return inTransaction(this.em, async (db) => {
      // Locked by a statement of its own: one that waits sees the threshold as it was before it waited.
      await sql`
        select from metric_instances where id = ${id} and client_id = ${this.clientId} for no key update
      `.execute(db);
      const before = await this.find(id, db);
      if (before === null) return null;
      await writeThreshold(db, before, change(before));
      await syncAlerts(db, 'metric', [before.key]);
      const after = await this.find(id, db);
      return after === null ? null : { before, after };
    });
  }

  /**
   * What numeric metrics usually are: the mean of their samples of the last seven days that are over.
   *
   * @param now UTC milliseconds
   * @returns by id; without those that have no sample of such a day
   */
  async baselines(metrics: readonly Metric[], now: number): Promise<ReadonlyMap<string, number>> {
    const ids = new Map(metrics.filter(({ type }) => type === 'numeric').map(({ key, id }) => [key, id]));
    if (ids.size === 0) return new Map();
    const firstDay = new Date(now - BASELINE_MS).toISOString().slice(0, 10);
    const { rows } = await sql<{ metric_key: number; total: number; samples: number }>`
      select metric_key, ${finiteSum(sql`total`)} as total, sum(samples)::float8 as samples
      from sample_daily_rollups
      where metric_key = any(${[...ids.keys()]}::int[]) and day >= ${firstDay}::date and total is not null
      group by metric_key
    `.execute(this.em.getKysely<object>());
    return new Map(rows.map(({ metric_key: key, total, samples }) => [ids.get(key) ?? '', total / samples]));
  }

  private async select(
    conditions: RawBuilder<unknown>,
    db: Kysely<object> = this.em.getKysely<object>(),
  ): Promise<MetricRow[]> {
    const { rows } = await sql<MetricRow>`
      select ${METRIC_COLUMNS} ${FROM_METRICS} where ${conditions}
    `.execute(db);
    return rows;
  }

  private set(id: string, assignment: RawBuilder<unknown>): Promise<boolean> {
    return inTransaction(this.em, async (db) => {
      const { rows } = await sql<{ key: number }>`
        update metric_instances i set ${assignment} from machines m
        where i.id = ${id} and i.client_id = ${this.clientId}
          and m.key = i.machine_key and m.unregistered_at is null
        returning i.key
      `.execute(db);
      const keys = rows.map(({ key }) => key);
      await syncAlerts(db, 'metric', keys);
      return keys.length > 0;
    });
  }

  private conditions({ machineId, name, type, state }: MetricFilter): RawBuilder<unknown> {
    const all: RawBuilder<unknown>[] = [sql`i.client_id = ${this.clientId}`];
    if (machineId !== undefined) all.push(sql`m.id = ${machineId}`);
    if (name !== undefined) {
      const { base, dimension } = parseMetricName(name);
      all.push(dimension === null ? sql`d.name = ${base}` : sql`i.name = ${name}`);
    }
    if (type !== undefined) all.push(sql`i.type = ${type}`);
    if (state !== undefined) all.push(sql`e.state = ${state}`);
    return sql.join(all, sql` and `);
  }
}
