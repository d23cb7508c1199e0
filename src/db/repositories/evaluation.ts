import { sql, type Kysely } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { inTransaction } from '../transaction.ts';
import { syncAlerts } from './alerting/syncAlerts.ts';
import { steps, type SampleWindow } from './evaluationFold.ts';
import { considered, known, OUTCOME, WRITTEN, type MetricRange } from './evaluationMetrics.ts';
import {
  REPORT,
  storeTransitions,
  TRANSITIONS,
  type ChangeRow,
  type ReportRow,
} from './evaluationTransitions.ts';

/** Metrics in one transaction. */
export const MAX_METRICS = 20_000;
/** Above this, statistics that lag behind a mass of new metrics must not lead to nested loops over all of them. */
const MANY_METRICS = 1_000;
const HOUR_MS = 3_600_000;
/** Where most samples are that are new, so that Postgres plans with few partitions. */
const USUAL_LAG_MS = 2 * HOUR_MS;
/** Of a metric that lags more, in one statement. */
const MAX_LAGGING_SAMPLES = 500;
/** What a clock of a machine may be ahead of ours, and more. */
const AHEAD_MS = 2 * HOUR_MS;

/** Without those of deleted machines, once they are ok. */
const EVALUATED_METRICS = sql`metric_instances i join machines m on m.key = i.machine_key
  where (m.unregistered_at is null
    or exists (select from metric_evaluations e where e.metric_key = i.key and e.state <> 'ok'))`;

/** A client with metrics. */
export interface EvaluatedClient {
  readonly clientId: string;
  readonly metrics: number;
}

/** What an evaluation came to. */
export interface EvaluationCounts {
  /** Those that are up to date now. */
  readonly metrics: number;
  readonly breached: number;
  readonly recovered: number;
  readonly stale: number;
}

export interface EvaluatedChunk extends EvaluationCounts {
  /** Where the next chunk begins; null after the last one. */
  readonly nextAfterKey: number | null;
}

/**
 * Compares metrics with their thresholds, set by set. Each call is one transaction that may be repeated, run twice at
 * once, or die anywhere: `metric_evaluations` says where to go on, and changes in the transaction that writes the
 * transitions.
 */
export class EvaluationRepository {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /** All clients that have metrics to evaluate, in the order of their ids. */
  async clients(): Promise<EvaluatedClient[]> {
    const { rows } = await sql<EvaluatedClient>`
      select i.client_id as "clientId", count(*)::int as metrics from ${EVALUATED_METRICS}
      group by i.client_id order by i.client_id
    `.execute(this.em.getKysely<object>());
    return rows;
  }

  /**
   * The next metrics of some clients, in the order of their keys, with all samples that they got since the last time.
   * After a long outage it takes them a few at a time, and the same metrics come again.
   *
   * @param now UTC milliseconds
   */
  evaluateChunk(clientIds: readonly string[], afterKey: number, now: number): Promise<EvaluatedChunk> {
    return inTransaction(this.em, async (db) => {
      await lock(db, clientIds);
      const chunk = await nextChunk(db, clientIds, afterKey);
      await sql`set local work_mem = '64MB'`.execute(db);
      if (chunk.metrics > MANY_METRICS) await sql`set local enable_nestloop = off`.execute(db);
      const rows = await evaluate(db, chunk, now);
      const changes = rows.filter(isChange);
      await storeTransitions(db, changes);
      await syncAlerts(db, 'metric', [...new Set(changes.map(({ key }) => key))]);
      const count = (...causes: readonly string[]) =>
        changes.filter(({ cause }) => causes.includes(cause)).length;
      const isBehind = rows.some(({ is_behind: isBehind }) => isBehind);
      return {
        metrics: isBehind ? 0 : chunk.metrics,
        ...{ breached: count('breach'), recovered: count('recovery'), stale: count('silence') },
        nextAfterKey: isBehind ? afterKey : chunk.metrics < MAX_METRICS ? null : chunk.untilKey,
      };
    });
  }
}

/** Whoever evaluates the same client waits; in order, so that nobody waits for each other. */
async function lock(db: Kysely<object>, clientIds: readonly string[]): Promise<void> {
  await sql`
    select pg_advisory_xact_lock(hashtext('evaluation'), lock) from (
      select distinct hashtext(id) as lock from unnest(${[...clientIds]}::text[]) id order by lock) l
  `.execute(db);
}

async function nextChunk(
  db: Kysely<object>,
  clientIds: readonly string[],
  afterKey: number,
): Promise<MetricRange & { metrics: number }> {
  const { rows } = await sql<{ metrics: number; until_key: number | null }>`
    select count(*)::int as metrics, max(key) as until_key from (
      select i.key from ${EVALUATED_METRICS} and i.client_id = any(${[...clientIds]}::uuid[]) and i.key > ${afterKey}::int
      order by i.key limit ${sql.lit(MAX_METRICS)}) k
  `.execute(db);
  return { clientIds, afterKey, untilKey: rows[0]?.until_key ?? afterKey, metrics: rows[0]?.metrics ?? 0 };
}

/** In a second go what lags behind, if anything does, and nothing else: a clock that is wrong stays so for ever. */
async function evaluate(db: Kysely<object>, range: MetricRange, now: number): Promise<ReportRow[]> {
  const until = new Date(now + AHEAD_MS).toISOString();
  const usually = {
    from: new Date(now - USUAL_LAG_MS).toISOString(),
    until,
    maxSamples: null,
    laggingBefore: null,
  };
  const rows = await evaluateWithin(db, range, usually);
  const laggingSince = rows[0]?.lagging_since_ms ?? null;
  if (laggingSince === null) return rows;
  const from = new Date(Math.floor(laggingSince)).toISOString();
  const lagging = { from, until, maxSamples: MAX_LAGGING_SAMPLES, laggingBefore: usually.from };
  return [...rows, ...(await evaluateWithin(db, range, lagging))];
}

async function evaluateWithin(
  db: Kysely<object>,
  range: MetricRange,
  window: SampleWindow,
): Promise<ReportRow[]> {
  const { rows } = await sql<ReportRow>`
    with recursive ${known(range)}, ${considered(window)}, ${steps(window)}, ${OUTCOME}, ${WRITTEN}, ${TRANSITIONS}
    ${REPORT}
  `.execute(db);
  return rows;
}

function isChange(row: ReportRow): row is ChangeRow {
  return row.key !== null;
}
