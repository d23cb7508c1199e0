import { setTimeout as sleep } from 'node:timers/promises';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { inTransaction } from '../transaction.ts';
import { summaryOfChecks } from './checkSummary.ts';
import { LATE_AFTER_MS } from './lateHours.ts';

const HOUR_MS = 3_600_000;
/** An hour is rolled up this long after its end: by then whoever stores a check of it knows that it is late. */
const CLOSED_AFTER_MS = 5 * 60_000;
/** How far the clocks of the database and of those who record may be apart. */
const CLOCK_SKEW_MS = 60_000;
/** A worker that lives further ahead of the database would roll up hours that have yet to come. */
const MAX_AHEAD_MS = 2 * HOUR_MS;
const MAX_LATE_MARKS = 5_000;
/** A group of checks is committed in milliseconds. */
const WRITERS_END_WITHIN_MS = 1_000;

export interface RolledUpHour {
  /** Its start, UTC milliseconds. */
  readonly hour: number;
  /** Targets that had checks in it. */
  readonly targets: number;
}

/**
 * Rolls checks up, set by set. Each call is one transaction that may be repeated, run twice at once, or die
 * anywhere: the row of `rollup_progress` is its lock and says where to go on. A rollup is only ever replaced by
 * one of at least as many checks, so a late check of a day whose rows are gone takes nothing away.
 */
export class CheckRollups {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /** @returns the moment, UTC milliseconds, until which everything is rolled up */
  async completeUntil(): Promise<number> {
    return readProgress(this.em.getKysely<object>());
  }

  /**
   * The first hour that is not rolled up yet, and its day when it is the last one of it.
   *
   * @param now UTC milliseconds
   * @returns null when no further hour is over, or when a transaction that began within it still writes
   * @throws when this clock is hours ahead of the database's
   */
  rollUpNextHour(now: number): Promise<RolledUpHour | null> {
    return inTransaction(this.em, async (db) => {
      await refuseWrongClock(db, now);
      const hour = await readProgress(db, sql`for update`);
      const end = hour + HOUR_MS;
      if (end + CLOSED_AFTER_MS > now || (await isStillWritten(db, end))) return null;
      // What is marked is committed, so the summary sees it.
      await sql`delete from late_check_hours where hour = ${timestamp(hour)}`.execute(db);
      await ensurePartitions(db, [hour]);
      const bounds = sql`${timestamp(hour)}, ${timestamp(end)}`;
      const targets = await rollUpHours(db, sql`select key, ${bounds} from http_targets`);
      if (isMidnight(end)) await rollUpDays(db, sql`select key, ${date(hour)} from http_targets`);
      await sql`update rollup_progress set rolled_up_until = ${timestamp(end)}`.execute(db);
      return { hour, targets };
    });
  }

  /**
   * Hours, some thousands at once, that got a check after they were rolled up, and the days that they belong to.
   *
   * @returns how many hours of one target; 0 when none are left
   */
  rollUpLateHours(): Promise<number> {
    return inTransaction(this.em, async (db) => {
      const completeUntil = await readProgress(db, sql`for update`);
      const { rows } = await sql<{ target_key: number; hour_ms: number }>`
        with taken as (
          delete from late_check_hours where ctid = any(array(
            select ctid from late_check_hours where hour < ${timestamp(completeUntil)} limit ${MAX_LATE_MARKS}))
          returning target_key, hour
        )
        select distinct target_key, (extract(epoch from hour) * 1000)::float8 as hour_ms from taken
      `.execute(db);
      if (rows.length === 0) return 0;
      const keys = rows.map(({ target_key: key }) => key);
      const hours = rows.map(({ hour_ms: hour }) => new Date(hour).toISOString());
      const pairs = sql`unnest(${keys}::int[], ${hours}::timestamptz[]) as late (key, hour)`;
      await ensurePartitions(
        db,
        rows.map(({ hour_ms: hour }) => hour),
      );
      await rollUpHours(db, sql`select key, hour, hour + interval '1 hour' from ${pairs}`);
      const day = sql`(hour at time zone 'UTC')::date`;
      await rollUpDays(
        db,
        sql`select distinct key, ${day} from ${pairs} where ${day} < ${date(completeUntil)}`,
      );
      return rows.length;
    });
  }
}

async function refuseWrongClock(db: Kysely<object>, now: number): Promise<void> {
  const { rows } = await sql`select where ${timestamp(now - MAX_AHEAD_MS)} > now()`.execute(db);
  if (rows.length > 0) throw new Error("The clock of this worker is hours ahead of the database's.");
}

async function readProgress(db: Kysely<object>, lock = sql``): Promise<number> {
  const { rows } = await sql<{ until_ms: number }>`
    select (extract(epoch from rolled_up_until) * 1000)::float8 as until_ms from rollup_progress ${lock}
  `.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('rollup_progress has lost its row: insert the hour to go on from.');
  return row.until_ms;
}

/**
 * Whether a transaction that may hold checks of an hour is open, however long its process was held up: it began
 * before whoever records would have marked them as late. When it began, another role may not be told: then it is one
 * that is through within a second.
 */
async function isStillWritten(db: Kysely<object>, end: number): Promise<boolean> {
  const early = await writersSince(db, end + LATE_AFTER_MS + CLOCK_SKEW_MS);
  if (early.length === 0) return false;
  await sleep(WRITERS_END_WITHIN_MS);
  const later = new Set(await writersSince(db, end + LATE_AFTER_MS + CLOCK_SKEW_MS));
  return early.some((transaction) => later.has(transaction));
}

/** @returns the transactions that write checks and began before `before`, or at a time that nobody says */
async function writersSince(db: Kysely<object>, before: number): Promise<string[]> {
  const { rows } = await sql<{ transaction: string }>`
    select l.virtualtransaction as transaction
    from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'relation' and l.relation = 'checks'::regclass and l.mode = 'RowExclusiveLock'
      and a.datname = current_database() and a.pid <> pg_backend_pid()
      and (a.xact_start is null or a.xact_start < ${timestamp(before)})
  `.execute(db);
  return rows.map(({ transaction }) => transaction);
}

async function ensurePartitions(db: Kysely<object>, hours: readonly number[]): Promise<void> {
  const days = [...new Set(hours.map((hour) => new Date(hour).toISOString().slice(0, 10)))];
  await sql`select ensure_rollup_partitions(day) from unnest(${days}::date[]) as day`.execute(db);
}

const SUMMARY_COLUMNS = sql.raw('checks, ok, monitor_faults, buckets, counts');
const TAKE_SUMMARY = sql.raw(`do update set checks = excluded.checks, ok = excluded.ok,
  monitor_faults = excluded.monitor_faults, buckets = excluded.buckets, counts = excluded.counts
  where excluded.checks + excluded.monitor_faults >= r.checks + r.monitor_faults`);

/**
 * The primary key finds an hour's rows of each target, which lie together: they came together.
 *
 * @param pairs a query of target keys and hours, with the end of each
 */
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

/** @param pairs a query of target keys and UTC days that are over */
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

function timestamp(at: number): RawBuilder<unknown> {
  return sql`${new Date(at).toISOString()}::timestamptz`;
}

function date(at: number): RawBuilder<unknown> {
  return sql`${new Date(at).toISOString().slice(0, 10)}::date`;
}

function isMidnight(at: number): boolean {
  return at % (24 * HOUR_MS) === 0;
}
