import { sql } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { sqlStateOf } from '../sqlState.ts';
import { utcDay, utcDays } from '../sqlTime.ts';
import { CHECK_ROLLUPS } from './checkRollups.ts';
import { SAMPLE_ROLLUPS } from './sampleRollups.ts';

const DAY_MS = 86_400_000;
/** The longest window of the API is 90 days, and its first day is rarely whole. */
const HOURLY_ROLLUPS_KEPT_DAYS = 100;
const DAILY_ROLLUPS_KEPT_DAYS = 3 * 365;
const LOCK_NOT_AVAILABLE = '55P03';

/** How many days of single rows are kept. */
export interface RetentionDays {
  readonly checks: number;
  readonly samples: number;
}

/** Failures go before checks: what is left after a crash in between is a check without its words. */
const KEPT_DAYS = {
  check_failures: ({ checks }) => checks,
  checks: ({ checks }) => checks,
  hourly_rollups: () => HOURLY_ROLLUPS_KEPT_DAYS,
  daily_rollups: () => DAILY_ROLLUPS_KEPT_DAYS,
  metric_samples: ({ samples }) => samples,
  sample_hourly_rollups: () => HOURLY_ROLLUPS_KEPT_DAYS,
  sample_daily_rollups: () => DAILY_ROLLUPS_KEPT_DAYS,
} as const satisfies Readonly<Record<string, (days: RetentionDays) => number>>;
type Parent = keyof typeof KEPT_DAYS;

interface ExpiredPartition {
  readonly parent: Parent;
  /** The first UTC day that it holds, `2026-01-31`. */
  readonly firstDay: string;
}

/** The partitions of checks, samples and their rollups that are too old to keep. */
export class PartitionRepository {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /**
   * Makes the partitions that the rollups of these instants go to, where they are missing: so a rollup, whose
   * transaction is long, makes none.
   */
  async ensureRollups(instants: readonly number[]): Promise<void> {
    const days = utcDays(instants);
    for (const { ensureFunction } of [CHECK_ROLLUPS, SAMPLE_ROLLUPS]) {
      for (const day of days) {
        await sql`select ${sql.ref(ensureFunction)}(${day}::date)`.execute(this.em.getKysely<object>());
      }
    }
  }

  /**
   * Whole partitions only: the last day of each is older than what is kept, today not counted.
   *
   * @param now UTC milliseconds
   */
  async expired(now: number, days: RetentionDays): Promise<ExpiredPartition[]> {
    const parents = Object.keys(KEPT_DAYS);
    const { rows } = await sql<{ parent: Parent; suffix: string }>`
      select p.relname as parent, substring(c.relname from '_([0-9]+)$') as suffix
      from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
      where p.oid = any(${parents}::regclass[]::oid[])
      order by array_position(${parents}::text[], p.relname::text), c.relname
    `.execute(this.em.getKysely<object>());
    const today = Math.floor(now / DAY_MS) * DAY_MS;
    return rows.flatMap(({ parent, suffix }) => {
      const { firstDay, end } = spanOf(suffix);
      return end <= today - KEPT_DAYS[parent](days) * DAY_MS ? [{ parent, firstDay }] : [];
    });
  }

  /**
   * @returns `unrolled` when not all of its rows are rolled up, `busy` when somebody uses the table and writers
   *   would have to wait; it is left alone then
   */
  async drop({ parent, firstDay }: ExpiredPartition): Promise<'dropped' | 'unrolled' | 'busy'> {
    try {
      const { rows } = await sql<{ dropped: boolean }>`
        select drop_partition(${parent}::text, ${firstDay}::date) as dropped
      `.execute(this.em.getKysely<object>());
      return rows[0]?.dropped === true ? 'dropped' : 'unrolled';
    } catch (error) {
      if (sqlStateOf(error) === LOCK_NOT_AVAILABLE) return 'busy';
      throw error;
    }
  }
}

/** @param suffix `20260131`, `202601` or `2026`: a day, a month or a year */
function spanOf(suffix: string): { firstDay: string; end: number } {
  const year = Number(suffix.slice(0, 4));
  const month = suffix.length < 6 ? null : Number(suffix.slice(4, 6)) - 1;
  const day = suffix.length < 8 ? null : Number(suffix.slice(6, 8));
  const start = Date.UTC(year, month ?? 0, day ?? 1);
  const end =
    day !== null ? start + DAY_MS : month !== null ? Date.UTC(year, month + 1) : Date.UTC(year + 1, 0);
  return { firstDay: utcDay(start), end };
}
