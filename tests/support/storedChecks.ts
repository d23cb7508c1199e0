import type { Target } from '../../src/db/repositories/httpTargetRow.ts';
import type { StoredCheck } from '../../src/db/repositories/checkHistory.ts';
import type { TargetDatabase } from './targets.ts';

/** All stored checks of a target, oldest first. */
export async function storedChecks(
  db: TargetDatabase,
  { id }: Pick<Target, 'id'>,
): Promise<readonly StoredCheck[]> {
  const { items } = await db.history().list(id, { limit: 1_000 });
  return items.reverse();
}

/** Milliseconds from each regular slot to the next that was served. */
export function slotGaps(checks: readonly StoredCheck[]): number[] {
  const slots = checks.filter(({ kind }) => kind === 'scheduled').map(({ scheduledAt }) => scheduledAt);
  return slots.slice(1).map((slot, index) => slot - (slots[index] ?? 0));
}
