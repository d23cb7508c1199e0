import type { CheckResult } from './check.ts';

/** A result that Postgres has not taken yet, kept in the workflow's durable state until it does. */
export interface UnrecordedCheck {
  readonly result: CheckResult;
  /** True when this check changed the status: such results are the last to go. */
  readonly isTransition: boolean;
}

/** At most this many results wait for Postgres in one workflow (some 42 hours at the default interval). */
export const MAX_UNRECORDED_CHECKS = 500;

/** Adds a result; when full, the oldest result that changed nothing makes room. */
export function keepUnrecorded(
  waiting: readonly UnrecordedCheck[],
  check: UnrecordedCheck,
): readonly UnrecordedCheck[] {
  const kept = [...waiting, check];
  if (kept.length <= MAX_UNRECORDED_CHECKS) return kept;
  const expendable = kept.findIndex((entry) => !entry.isTransition);
  kept.splice(Math.max(expendable, 0), 1);
  return kept;
}
