import type { CheckToRecord, WatchFence } from '../db/repositories/checkToRecord.ts';
import type { CheckResult } from '../domain/check.ts';
import type { Clock } from '../domain/clock.ts';
import type { TargetSchedule } from '../domain/schedule.ts';
import { decideCheck, nextCheckAt, type TargetState } from '../domain/targetState.ts';

/** What is known of a target by whoever checks it. */
interface CheckedTarget {
  readonly targetId: string;
  readonly schedule: TargetSchedule;
  /** Before the check: Postgres decides from it where it has missed results. */
  readonly state: TargetState;
}

/** A check that is decided in the transaction that stores it, by the same reducer as the workflow's. */
export function decidedInRow(
  clock: Clock,
  { targetId, schedule, state: carried }: CheckedTarget,
  result: CheckResult,
  watch: WatchFence,
): CheckToRecord {
  return {
    targetId,
    result,
    version: schedule.version,
    watch,
    decide: (stored, known) => {
      const thresholds = { ...schedule, failureThreshold: known.failureThreshold };
      const state = decideCheck(known.state, carried, stored, thresholds);
      const dueAt = nextCheckAt(targetId, state, schedule, result.scheduledAt, clock.now());
      return { state, nextCheckAt: dueAt };
    },
  };
}
