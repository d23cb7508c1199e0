import type { Kysely } from 'kysely';
import { LateHours } from './lateHours.ts';
import { SAMPLE_ROLLUPS } from './sampleRollups.ts';

/**
 * The same as `markLateHours`, for samples.
 *
 * @param instants when the metric `keys[i]` was measured, UTC milliseconds
 * @param now UTC milliseconds, read after the insert
 */
export function markLateSampleHours(
  db: Kysely<object>,
  keys: readonly number[],
  instants: readonly number[],
  now = Date.now(),
): Promise<void> {
  const late = new LateHours(now);
  for (const [index, key] of keys.entries()) late.add(key, instants[index] ?? now);
  return late.store(db, SAMPLE_ROLLUPS);
}
