import { sql, type Kysely, type RawBuilder } from 'kysely';
import { summaryOfChecks } from './checkSummary.ts';
import type { RollupSource } from './rollupSource.ts';

const SUMMARY_COLUMNS = sql.raw('checks, ok, monitor_faults, buckets, counts');
const TAKE_SUMMARY = sql.raw(`do update set checks = excluded.checks, ok = excluded.ok,
  monitor_faults = excluded.monitor_faults, buckets = excluded.buckets, counts = excluded.counts
  where excluded.checks + excluded.monitor_faults >= r.checks + r.monitor_faults`);

/** Checks become `hourly_rollups` and `daily_rollups`. */
export const CHECK_ROLLUPS: RollupSource = {
  table: 'checks',
  progressTable: 'rollup_progress',
  lateTable: 'late_check_hours',
  keyColumn: 'target_key',
  ensureFunction: 'ensure_rollup_partitions',
  allKeys: (_db, bounds) => Promise.resolve([sql`select key, ${bounds} from http_targets`]),
  rollUpHours,
  rollUpDays,
};

/** The primary key finds an hour's rows of each target, which lie together: they came together. */
async function rollUpHours(db: Kysely<object>, pairs: RawBuilder<unknown>): Promise<number> {
  const condition = sql`c.target_key = p.key and c.scheduled_at >= p.hour and c.scheduled_at < p.hour_end`;
  const { numAffectedRows } = await sql`
    insert into hourly_rollups as r (target_key, hour, ${SUMMARY_COLUMNS})
    select p.key, p.hour, ${SUMMARY_COLUMNS}
    from (${pairs}) p (key, hour, hour_end), lateral (${summaryOfChecks(sql`p.hour`, condition)}) s
    on conflict (target_key, hour) ${TAKE_SUMMARY}
  `.execute(db);
  return Number(numAffectedRows ?? 0);
}

async function rollUpDays(db: Kysely<object>, pairs: RawBuilder<unknown>): Promise<void> {
  const ofTheDay = sql`h.target_key = p.key and h.hour >= p.day::timestamp at time zone 'UTC'
    and h.hour < (p.day + 1)::timestamp at time zone 'UTC'`;
  await sql`
    insert into daily_rollups as r (target_key, day, ${SUMMARY_COLUMNS})
    select p.key, p.day, s.*, b.*
    from (${pairs}) p (key, day), lateral (
      select sum(h.checks)::int as checks, sum(h.ok)::int, sum(h.monitor_faults)::int
      from hourly_rollups h where ${ofTheDay} having count(*) > 0
    ) s, lateral (
      select coalesce(array_agg(m.bucket order by m.bucket), '{}'), coalesce(array_agg(m.n order by m.bucket), '{}')
      from (
        select e.bucket, sum(e.n)::int as n
        from hourly_rollups h, unnest(h.buckets, h.counts) as e (bucket, n) where ${ofTheDay}
        group by e.bucket
      ) m
    ) b
    on conflict (target_key, day) ${TAKE_SUMMARY}
  `.execute(db);
}
