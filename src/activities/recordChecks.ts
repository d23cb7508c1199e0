import type { CheckRepository } from '../db/repositories/checks.ts';
import type { CheckToRecord } from '../db/repositories/checkToRecord.ts';
import type { RecordChecksInput } from './contracts.ts';
import { targetUnknown } from './targetUnknown.ts';

/**
 * Writes what a workflow kept while Postgres did not commit: whatever has happened to the target since, it
 * was seen. Results that are stored already stay as they are, so it may run twice.
 *
 * @throws when the database does not take them, or has no row of the target; the workflow keeps them and tries again later
 */
export async function recordChecks(
  deps: { readonly checks: CheckRepository },
  { targetId, results, state, nextCheckAt }: RecordChecksInput,
): Promise<void> {
  const group: CheckToRecord[] = results.map((result) => ({
    targetId,
    result,
    version: null,
    watch: 'beside',
    decide: result === results.at(-1) ? () => ({ state, nextCheckAt }) : null,
  }));
  const recorded = await deps.checks.record(group);
  if (recorded.some(({ kind }) => kind === 'unknown')) throw targetUnknown(targetId);
}
