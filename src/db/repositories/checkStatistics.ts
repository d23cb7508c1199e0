import { sql, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { merge, type LatencyHistogram } from '../../domain/latencyHistogram.ts';
import { RAW_CHECKS_MS, type StatisticsRange } from '../../domain/statisticsRange.ts';
import { date, timestamp } from '../sqlTime.ts';
import { summaryOfChecks } from './checkSummary.ts';
import type { Caller } from './clients.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What the checks of a span come to. Our own faults count as neither passed nor failed: they are left out. */
export interface CheckSummary {
  readonly checks: number;
  readonly ok: number;
  /** Of the checks that passed. */
  readonly latencies: LatencyHistogram;
}

/** A bucket of a range. UTC milliseconds; `to` is excluded. */
export interface BucketSummary extends CheckSummary {
  readonly from: number;
  readonly to: number;
}

interface PieceRow {
  at_ms: number;
  checks: number;
  ok: number;
  buckets: number[];
  counts: number[];
}

/** How the targets of one client did over time. */
export class CheckStatistics {
  private readonly em: EntityManager;
  private readonly clientId: string;

  constructor(em: EntityManager, caller: Pick<Caller, 'clientId'>) {
    this.em = em;
    this.clientId = caller.clientId;
  }

  /**
   * All checks of a span. Days and hours that are over come from their rollups, only the rest from single checks,
   * and never from any older than a day.
   *
   * @param span UTC milliseconds, from a full hour on
   * @returns nothing of a target of somebody else
   */
  async total(targetId: string, span: { from: number; to: number }, now: number): Promise<CheckSummary> {
    return summed(await this.rolledUp(targetId, { ...span, byDay: true, now }));
  }

  /** Every bucket of a range, those without checks too. */
  async buckets(targetId: string, range: StatisticsRange, now: number): Promise<BucketSummary[]> {
    const pieces = await (range.source === 'checks'
      ? this.ofChecks(targetId, range)
      : this.rolledUp(targetId, { ...range, byDay: range.source === 'days', now }));
    const { from, to, widthMs } = range;
    const within = Map.groupBy(pieces, ({ at_ms: at }) => Math.floor((at - from) / widthMs));
    return Array.from({ length: Math.ceil((to - from) / widthMs) }, (_, index) => {
      const start = from + index * widthMs;
      return { from: start, to: Math.min(start + widthMs, to), ...summed(within.get(index) ?? []) };
    });
  }

  private async ofChecks(targetId: string, { from, to, widthMs }: StatisticsRange): Promise<PieceRow[]> {
    const slot = sql`date_bin(${widthMs}::int * interval '1 millisecond', c.scheduled_at, ${timestamp(from)})`;
    const condition = sql`c.target_key = ${this.keyOf(targetId)}
      and c.scheduled_at >= ${timestamp(from)} and c.scheduled_at < ${timestamp(to)}`;
    const { rows } = await sql<PieceRow>`
      select (extract(epoch from slot) * 1000)::float8 as at_ms, checks, ok, buckets, counts
      from (${summaryOfChecks(slot, condition)}) s
    `.execute(this.em.getKysely<object>());
    return rows;
  }

  /** One statement, so that what is rolled up meanwhile is counted once. */
  private async rolledUp(
    targetId: string,
    { from, to, byDay, now }: { from: number; to: number; byDay: boolean; now: number },
  ): Promise<PieceRow[]> {
    const key = this.keyOf(targetId);
    const firstDay = byDay ? Math.ceil(from / DAY_MS) * DAY_MS : to;
    const until = sql`(select least(rolled_up_until, ${timestamp(to)}) from rollup_progress)`;
    // Days that are over, and after the first border between two days.
    const daysUntil = sql`greatest(date_trunc('day', ${until}, 'UTC'), ${timestamp(firstDay)})`;
    const hours = (first: RawBuilder<unknown>, end: RawBuilder<unknown>) => sql`
      select (extract(epoch from hour) * 1000)::float8 as at_ms, checks, ok, buckets, counts
      from hourly_rollups where target_key = ${key} and hour >= ${first} and hour < ${end}`;
    const tail = sql`c.target_key = ${key} and c.scheduled_at >= ${timestamp(Math.max(from, now - RAW_CHECKS_MS))}
      and c.scheduled_at >= ${until} and c.scheduled_at < ${timestamp(to)}`;
    const hour = sql`date_trunc('hour', c.scheduled_at, 'UTC')`;
    const { rows } = await sql<PieceRow>`
      select (extract(epoch from day) * 1000)::float8 as at_ms, checks, ok, buckets, counts
      from daily_rollups
      where target_key = ${key} and day >= ${date(firstDay)} and day < (${daysUntil} at time zone 'UTC')::date
      union all ${hours(timestamp(from), sql`least(${until}, ${timestamp(firstDay)})`)}
      union all ${hours(daysUntil, until)}
      union all select (extract(epoch from slot) * 1000)::float8, checks, ok, buckets, counts
      from (${summaryOfChecks(hour, tail)}) s
    `.execute(this.em.getKysely<object>());
    return rows;
  }

  private keyOf(targetId: string): RawBuilder<unknown> {
    return sql`(select key from http_targets where id = ${targetId} and client_id = ${this.clientId})`;
  }
}

function summed(pieces: readonly PieceRow[]): CheckSummary {
  return {
    checks: pieces.reduce((sum, { checks }) => sum + checks, 0),
    ok: pieces.reduce((sum, { ok }) => sum + ok, 0),
    latencies: merge(pieces),
  };
}
