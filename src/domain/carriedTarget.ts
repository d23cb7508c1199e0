import type { TargetSchedule } from './schedule.ts';
import { nextCheckAt, type TargetState } from './targetState.ts';
import type { UnrecordedCheck } from './unrecordedChecks.ts';
import { steadyChecks, type WatchSummary } from './watching.ts';

/** Everything that one run of a target's workflow hands to the next. */
export interface CarriedTarget {
  readonly format: 1;
  readonly schedule: TargetSchedule;
  readonly newestVersion: number;
  readonly state: TargetState;
  readonly lastSlot: number;
  readonly nextCheckAt: number | null;
  readonly unrecorded: readonly UnrecordedCheck[];
  readonly writeUnrecordedAt: number | null;
  readonly retiredAt: number | null;
  readonly steadyChecks: number;
  readonly lastWatch: WatchSummary | null;
}

/**
 * What an earlier version of the product handed over, in today's form. There is one form so far.
 *
 * @throws for a form that this version does not know yet: the workflow task is retried until newer workers are there
 */
export function upgradeCarried(carried: { readonly format: number }): CarriedTarget {
  if (isCurrent(carried)) return carried;
  throw new Error(`Carried state of format ${carried.format} needs a newer worker.`);
}

function isCurrent(carried: { readonly format: number }): carried is CarriedTarget {
  return carried.format === 1;
}

/** The start of a target's first run, or of one that has to be started anew from what Postgres knows. */
export function freshTarget(
  targetId: string,
  schedule: TargetSchedule,
  known: TargetState,
  now: number,
): CarriedTarget {
  const state: TargetState = schedule.isActive ? known : { ...known, status: 'paused' };
  const seenAt = known.lastCheck?.scheduledAt;
  const firstCheckAt = seenAt === undefined ? now : nextCheckAt(targetId, state, schedule, seenAt, seenAt);
  return {
    format: 1,
    schedule,
    newestVersion: schedule.version,
    state,
    lastSlot: seenAt ?? 0,
    nextCheckAt: schedule.isActive ? firstCheckAt : null,
    unrecorded: [],
    writeUnrecordedAt: null,
    retiredAt: null,
    steadyChecks: steadyChecks(state),
    lastWatch: null,
  };
}
