import { WorkflowNotFoundError, type Client, type WorkflowStartOptions } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { selfTest } from '../src/workflows/index.ts';
import { pingQuery, touchSignal } from '../src/workflows/messages.ts';
import { selfTestWorkflowId, taskQueue } from './names.ts';

function startOptions(taskQueuePrefix: string) {
  return {
    workflowId: selfTestWorkflowId(taskQueuePrefix),
    taskQueue: taskQueue(taskQueuePrefix),
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    workflowTaskTimeout: '3s',
    staticSummary: 'answers readiness; watches nothing',
    args: [],
  } satisfies WorkflowStartOptions<typeof selfTest>;
}

/** Starts the workflow that readiness asks, unless it runs. */
export async function ensureSelfTest(client: Client, taskQueuePrefix: string): Promise<void> {
  await client.workflow.start<typeof selfTest>('selfTest', startOptions(taskQueuePrefix));
}

/** Makes Temporal write something small: a wedged dev server answers reads and says SERVING all the same. */
export async function touchTemporal(client: Client, taskQueuePrefix: string): Promise<void> {
  await client.workflow.signalWithStart<typeof selfTest>('selfTest', {
    ...startOptions(taskQueuePrefix),
    signal: touchSignal,
  });
}

/** Reads a real run of a real workflow, and starts it where somebody has ended it. */
export async function readTemporal(client: Client, taskQueuePrefix: string): Promise<void> {
  const { status } = await client.workflow
    .getHandle(selfTestWorkflowId(taskQueuePrefix))
    .describe()
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return { status: { name: 'NOT_STARTED' } };
      throw error;
    });
  if (status.name !== 'RUNNING') await ensureSelfTest(client, taskQueuePrefix);
}

/** Resolves when a worker answers. */
export async function pingWorker(client: Client, taskQueuePrefix: string): Promise<void> {
  await client.workflow.getHandle(selfTestWorkflowId(taskQueuePrefix)).query(pingQuery);
}
