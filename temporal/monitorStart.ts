import {
  WorkflowExecutionAlreadyStartedError,
  type WorkflowClient,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy, type Workflow } from '@temporalio/common';

/**
 * How the workflow of a monitor is started, whatever its kind: idempotent under its business id. A run that ended by
 * accident is started again, a retired one is not.
 */
export const MONITOR_START = {
  workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
  /** A killed worker's tasks are given to the next one after this long. */
  workflowTaskTimeout: '3s',
} as const;

/**
 * Starts the workflow of a monitor whose row lives, so even one that was retired by mistake has to run again.
 *
 * @returns false when it runs already
 */
export async function startMissing<T extends Workflow>(
  workflows: WorkflowClient,
  type: string,
  options: WorkflowStartOptions<T>,
): Promise<boolean> {
  try {
    await workflows.start<T>(type, {
      ...options,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}
