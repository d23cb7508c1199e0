import { sql, type Kysely } from 'kysely';
import type { CheckToRecord } from './checkToRecord.ts';

const HOUR_MS = 3_600_000;

/**
 * An hour counts as over for whoever stores a check this long after its end; whoever rolls up waits longer
 * (`checkRollups.ts`), and for transactions that began before.
 */
export const LATE_AFTER_MS = 60_000;

/** What became of a check in `RecordGroup.insert`. */
interface InsertedCheck {
  readonly key: number;
  readonly is_new: boolean;
}

/**
 * Notes the hours of checks that come after their hour was over, so that these are rolled up again. Call it
 * after the insert, in the same transaction. Without such a check, which is nearly always, it asks nothing.
 *
 * @param inserted by index of `checks`
 * @param now UTC milliseconds, read after the insert
 */
export async function markLateHours(
  db: Kysely<object>,
  checks: readonly CheckToRecord[],
  inserted: readonly (InsertedCheck | undefined)[],
  now = Date.now(),
): Promise<void> {
  const late = new Map<string, { key: number; hour: string }>();
  for (const [index, { result }] of checks.entries()) {
    const target = inserted[index];
    const hour = Math.floor(result.scheduledAt / HOUR_MS) * HOUR_MS;
    if (now < hour + HOUR_MS + LATE_AFTER_MS || target?.is_new !== true) continue;
    late.set(`${target.key} ${hour}`, { key: target.key, hour: new Date(hour).toISOString() });
  }
  if (late.size === 0) return;
  const pairs = [...late.values()];
  await sql`
    insert into late_check_hours (target_key, hour)
    select * from unnest(${pairs.map(({ key }) => key)}::int[], ${pairs.map(({ hour }) => hour)}::timestamptz[])
  `.execute(db);
}
