import { setTimeout as sleep } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import { timestamp } from '../sqlTime.ts';
import { LATE_AFTER_MS } from './lateHours.ts';

/** How far the clocks of the database and of those who write may be apart. */
const CLOCK_SKEW_MS = 60_000;
/** A group of rows is committed in milliseconds. */
const WRITERS_END_WITHIN_MS = 1_000;

/**
 * Whether a transaction that may hold rows of an hour is open, however long its process was held up: it began before
 * whoever writes would have marked them as late. When it began, another role may not be told: then it is one that is
 * through within a second.
 *
 * @param end of the hour, UTC milliseconds
 */
export async function isStillWritten(db: Kysely<object>, table: string, end: number): Promise<boolean> {
  const before = end + LATE_AFTER_MS + CLOCK_SKEW_MS;
  const early = await writersSince(db, table, before);
  if (early.length === 0) return false;
  await sleep(WRITERS_END_WITHIN_MS);
  const later = new Set(await writersSince(db, table, before));
  return early.some((transaction) => later.has(transaction));
}

/** @returns the transactions that write to it and began before `before`, or at a time that nobody says */
async function writersSince(db: Kysely<object>, table: string, before: number): Promise<string[]> {
  const { rows } = await sql<{ transaction: string }>`
    select l.virtualtransaction as transaction
    from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'relation' and l.relation = ${table}::regclass and l.mode = 'RowExclusiveLock'
      and a.datname = current_database() and a.pid <> pg_backend_pid()
      and (a.xact_start is null or a.xact_start < ${timestamp(before)})
  `.execute(db);
  return rows.map(({ transaction }) => transaction);
}
