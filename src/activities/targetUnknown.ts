import { ApplicationFailure } from '@temporalio/common';

/**
 * A target without any row: an empty or a wrong database must end nothing, so this is a fault of ours. Reconcile
 * ends such workflows, while they are few.
 */
export function targetUnknown(targetId: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `The database has no row of target ${targetId}: is it the right database?`,
    'TargetUnknown',
  );
}
