import { sql, type Kysely } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { date, timestamp, utcDays } from '../sqlTime.ts';
import { inTransaction } from '../transaction.ts';
import { isStillWritten } from './hourWriters.ts';
import type { RollupSource } from './rollupSource.ts';

const HOUR_MS = 3_600_000;
/** An hour is rolled up this long after its end: by then whoever stores a row of it knows that it is late. */
const CLOSED_AFTER_MS = 5 * 60_000;
/** A worker that lives further ahead of the database would roll up hours that have yet to come. */
const MAX_AHEAD_MS = 2 * HOUR_MS;
/** Of one target or metric, in one transaction. */
const MAX_LATE_HOURS = 5_000;

interface RolledUpHour {
  /** Its start, UTC milliseconds. */
  readonly hour: number;
  /** Targets that had checks in it, or metrics that had samples. */
  readonly rows: number;
}

/**
 * Rolls checks or samples up, set by set. Each call is one transaction that may be repeated, run twice at once, or die
 * anywhere: the row of the progress table is its lock and says where to go on. A rollup is only ever replaced by one of
 * at least as many rows, so a late row of a day whose rows are gone takes nothing away.
 */
export class Rollups {
  private readonly em: EntityManager;
  private readonly source: RollupSource;

  constructor(em: EntityManager, source: RollupSource) {
    this.em = em;
    this.source = source;
  }

  /** @returns the moment, UTC milliseconds, until which everything is rolled up */
  async completeUntil(): Promise<number> {
    return this.readProgress(this.em.getKysely<object>());
  }

  /**
   * The first hour that is not rolled up yet, and its day when it is the last one of it.
   *
   * @param now UTC milliseconds
   * @returns null when no further hour is over, or when a transaction that began within it still writes
   * @throws when this clock is hours ahead of the database's
   */
  rollUpNextHour(now: number): Promise<RolledUpHour | null> {
    const { table, lateTable, progressTable } = this.source;
    return inTransaction(this.em, async (db) => {
      await refuseWrongClock(db, now);
      const hour = await this.readProgress(db, sql`for update`);
      const end = hour + HOUR_MS;
      if (end + CLOSED_AFTER_MS > now || (await isStillWritten(db, table, end))) return null;
      // What is marked is committed, so the summary sees it.
      await sql`delete from ${sql.table(lateTable)} where hour = ${timestamp(hour)}`.execute(db);
      await this.ensurePartitions(db, [hour]);
      const rows = await this.rollUpAll(db, hour);
      await sql`update ${sql.table(progressTable)} set rolled_up_until = ${timestamp(end)}`.execute(db);
      return { hour, rows };
    });
  }

  /**
   * Hours, some thousands at once, that got a row after they were rolled up, and the days that they belong to. However
   * often an hour is marked, it is written anew once; a mark that comes meanwhile is left for the next time.
   *
   * @returns how many hours of one target or metric; 0 when none are left
   */
  rollUpLateHours(): Promise<number> {
    const { lateTable, keyColumn, rollUpHours, rollUpDays } = this.source;
    return inTransaction(this.em, async (db) => {
      const completeUntil = await this.readProgress(db, sql`for update`);
      const late = sql.table(lateTable);
      const { rows } = await sql<{ key: number; hour_ms: number }>`
        with taken as (
          select distinct ${sql.ref(keyColumn)} as key, hour from ${late}
          where hour < ${timestamp(completeUntil)} order by 1, 2 limit ${MAX_LATE_HOURS}
        ), unmarked as (
          delete from ${late} l using taken t where l.${sql.ref(keyColumn)} = t.key and l.hour = t.hour
        )
        select key, (extract(epoch from hour) * 1000)::float8 as hour_ms from taken
      `.execute(db);
      if (rows.length === 0) return 0;
      const keys = rows.map(({ key }) => key);
      const hours = rows.map(({ hour_ms: hour }) => new Date(hour).toISOString());
      const pairs = sql`unnest(${keys}::int[], ${hours}::timestamptz[]) as late (key, hour)`;
      await this.ensurePartitions(
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

  private async rollUpAll(db: Kysely<object>, hour: number): Promise<number> {
    const end = hour + HOUR_MS;
    let rows = 0;
    for (const keys of await this.source.allKeys(db, sql`${timestamp(hour)}, ${timestamp(end)}`, hour)) {
      rows += await this.source.rollUpHours(db, keys);
    }
    if (end % (24 * HOUR_MS) === 0) {
      for (const keys of await this.source.allKeys(db, date(hour), end - 24 * HOUR_MS)) {
        await this.source.rollUpDays(db, keys);
      }
    }
    return rows;
  }

  private async readProgress(db: Kysely<object>, lock = sql``): Promise<number> {
    const { progressTable } = this.source;
    const { rows } = await sql<{ until_ms: number }>`
      select (extract(epoch from rolled_up_until) * 1000)::float8 as until_ms from ${sql.table(progressTable)} ${lock}
    `.execute(db);
    const [row] = rows;
    if (row === undefined)
      throw new Error(`${progressTable} has lost its row: insert the hour to go on from.`);
    return row.until_ms;
  }

  private async ensurePartitions(db: Kysely<object>, hours: readonly number[]): Promise<void> {
    const ensure = sql.ref(this.source.ensureFunction);
    await sql`select ${ensure}(day) from unnest(${utcDays(hours)}::date[]) as day`.execute(db);
  }
}

async function refuseWrongClock(db: Kysely<object>, now: number): Promise<void> {
  const { rows } = await sql`select where ${timestamp(now - MAX_AHEAD_MS)} > now()`.execute(db);
  if (rows.length > 0) throw new Error("The clock of this worker is hours ahead of the database's.");
}
