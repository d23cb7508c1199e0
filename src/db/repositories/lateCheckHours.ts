import type { Kysely } from 'kysely';
import { CHECK_ROLLUPS } from './checkRollups.ts';
import type { CheckToRecord } from './checkToRecord.ts';
import { LateHours } from './lateHours.ts';

/** What became of a check in `RecordGroup.insert`. */
interface InsertedCheck {
  readonly key: number;
  readonly is_new: boolean;
}

/**
 * Notes the hours of checks that come late. Call it after the insert, in the same transaction.
 *
 * @param inserted by index of `checks`
 * @param now UTC milliseconds, read after the insert
 */
export function markLateHours(
  db: Kysely<object>,
  checks: readonly CheckToRecord[],
  inserted: readonly (InsertedCheck | undefined)[],
  now = Date.now(),
): Promise<void> {
  const late = new LateHours(now);
  for (const [index, { result }] of checks.entries()) {
    const target = inserted[index];
    if (target?.is_new === true) late.add(target.key, result.scheduledAt);
  }
  return late.store(db, CHECK_ROLLUPS);
}
