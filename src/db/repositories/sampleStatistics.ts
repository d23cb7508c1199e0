import { sql, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { SINGLE_SAMPLES_MS, type SampleRange } from '../../domain/sampleRange.ts';
import { date, timestamp } from '../sqlTime.ts';
import { finiteSum } from './finiteSum.ts';
import type { Metric } from './metricRow.ts';

/** What the samples of a bucket come to. */
export interface SampleBucket {
  /** Where it begins, UTC milliseconds. */
  readonly from: number;
  readonly samples: number;
  /** Of numeric metrics. */
  readonly numeric: { readonly low: number; readonly mean: number; readonly high: number } | null;
  /** How many samples were true. */
  readonly trues: number;
}

interface BucketRow {
  from_ms: number;
  samples: number;
  total: number | null;
  low: number | null;
  high: number | null;
  trues: number;
}

/** How metrics went over time, from samples and their rollups. */
export class SampleStatistics {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /**
   * The buckets of a range that have samples, oldest first. Of a metric of texts there are none: what is rolled up of
   * them tells nothing.
   *
   * @param now UTC milliseconds; where hours are not rolled up yet, samples of the last day stand in
   */
  async buckets({ key }: Pick<Metric, 'key'>, range: SampleRange, now: number): Promise<SampleBucket[]> {
    const start = timestamp(range.from);
    const { rows } = await sql<BucketRow>`
      select (extract(epoch from bucket) * 1000)::float8 as from_ms, sum(samples)::float8 as samples,
        ${finiteSum(sql`total`)} as total, min(low) as low, max(high) as high, coalesce(sum(trues), 0)::float8 as trues
      from (
        select date_bin(${range.widthMs}::float8 * interval '1 millisecond', at, ${start}) as bucket, p.*
        from (${pieces(key, range, now)}) p (at, samples, total, low, high, trues)
      ) b
      group by bucket order by bucket
    `.execute(this.em.getKysely<object>());
    return rows.map(toBucket);
  }
}

/** Samples and rollups of a range; one statement, so that what is rolled up meanwhile is counted once. */
function pieces(key: number, { from, to, source }: SampleRange, now: number): RawBuilder<unknown> {
  if (source === 'samples') return singles(key, from, timestamp(from), timestamp(to));
  const until = sql`(select least(rolled_up_until, ${timestamp(to)}) from sample_rollup_progress)`;
  const tail = singles(key, Math.max(from, now - SINGLE_SAMPLES_MS), until, timestamp(to));
  if (source === 'hours') return sql`${hours(key, timestamp(from), until, to)} union all ${tail}`;
  // Where the days end that are over.
  const daysUntil = sql`greatest(date_trunc('day', ${until}, 'UTC'), ${timestamp(from)})`;
  return sql`
    select day::timestamp at time zone 'UTC', samples, total, low, high, trues
    from sample_daily_rollups
    where metric_key = ${key} and day >= ${date(from)} and day < (${daysUntil} at time zone 'UTC')::date
    union all ${hours(key, daysUntil, until, to)} union all ${tail}`;
}

function hours(key: number, first: RawBuilder<unknown>, end: RawBuilder<unknown>, to: number) {
  return sql`
    select hour, samples, total, low, high, trues
    from sample_hourly_rollups
    where metric_key = ${key} and hour >= ${first} and hour < ${end} and hour < ${timestamp(to)}`;
}

/** @param earliest a constant, by which partitions are left out before anything is read */
function singles(key: number, earliest: number, first: RawBuilder<unknown>, end: RawBuilder<unknown>) {
  return sql`
    select at, 1, num_value, num_value, num_value, bool_value::int
    from metric_samples
    where metric_key = ${key} and at >= ${timestamp(earliest)} and at >= ${first} and at < ${end}`;
}

function toBucket({ from_ms: from, samples, total, low, high, trues }: BucketRow): SampleBucket {
  const isNumeric = total !== null && low !== null && high !== null;
  return {
    from,
    samples,
    numeric: isNumeric ? { low, mean: Math.min(Math.max(total / samples, low), high), high } : null,
    trues,
  };
}
