import { sql, type Kysely } from 'kysely';
import type { RollupSource } from './rollupSource.ts';

const HOUR_MS = 3_600_000;

/**
 * An hour counts as over for whoever stores a row of it this long after its end; whoever rolls up waits longer
 * (`rollups.ts`), and for transactions that began before.
 */
export const LATE_AFTER_MS = 60_000;

/** The hours of rows that come after their hour was over, so that these are rolled up again. */
export class LateHours {
  private readonly now: number;
  private readonly hours = new Map<string, { key: number; hour: string }>();

  /** @param now UTC milliseconds, read after the rows were inserted */
  constructor(now: number) {
    this.now = now;
  }

  /** @param at UTC milliseconds */
  add(key: number, at: number): void {
    const hour = Math.floor(at / HOUR_MS) * HOUR_MS;
    if (this.now < hour + HOUR_MS + LATE_AFTER_MS) return;
    this.hours.set(`${key} ${hour}`, { key, hour: new Date(hour).toISOString() });
  }

  /** Call it in the transaction of the rows. Without a late one, which is nearly always, it asks nothing. */
  async store(
    db: Kysely<object>,
    { lateTable, keyColumn }: Pick<RollupSource, 'lateTable' | 'keyColumn'>,
  ): Promise<void> {
    if (this.hours.size === 0) return;
    const late = [...this.hours.values()];
    await sql`
      insert into ${sql.table(lateTable)} (${sql.ref(keyColumn)}, hour)
      select * from unnest(${late.map(({ key }) => key)}::int[], ${late.map(({ hour }) => hour)}::timestamptz[])
    `.execute(db);
  }
}
