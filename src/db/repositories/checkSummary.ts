import { sql, type RawBuilder } from 'kysely';
import { BUCKET_LOWER_BOUNDS } from '../../domain/latencyHistogram.ts';
import { MONITOR_CODE, PASSED_CODE } from '../checkCodes.ts';

/** The bucket of the check `c`; the same as `bucketOf` by construction. */
export const LATENCY_BUCKET = sql`width_bucket(c.total_ms, ${[...BUCKET_LOWER_BOUNDS]}::int[])::smallint`;

/**
 * A query that sums checks up: one row for each `slot`, with `checks` (without our own faults), `ok`,
 * `monitor_faults`, and the histogram of the checks that passed as `buckets` and `counts`.
 *
 * @param slot what to group the checks `c` by
 */
export function summaryOfChecks(slot: RawBuilder<unknown>, condition: RawBuilder<unknown>) {
  return sql`
    select g.slot,
      coalesce(sum(g.n) filter (where not g.is_fault), 0)::int as checks,
      coalesce(sum(g.n) filter (where g.bucket is not null), 0)::int as ok,
      coalesce(sum(g.n) filter (where g.is_fault), 0)::int as monitor_faults,
      coalesce(array_agg(g.bucket order by g.bucket) filter (where g.bucket is not null), '{}') as buckets,
      coalesce(array_agg(g.n order by g.bucket) filter (where g.bucket is not null), '{}') as counts
    from (
      select ${slot} as slot, case when c.outcome = ${PASSED_CODE} then ${LATENCY_BUCKET} end as bucket,
        c.outcome = ${MONITOR_CODE} as is_fault, count(*)::int as n
      from checks c where ${condition}
      group by 1, 2, 3
    ) g
    group by g.slot`;
}
