import {
  ScheduleAlreadyRunning,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleOptions,
} from '@temporalio/client';
import type { reconcile } from '../src/workflows/index.ts';
import { reconcileId, taskQueue } from './names.ts';

/**
 * Makes the Schedule that keeps workflows and rows in line, or brings an older one up to date. Any number of
 * workers may call it at once.
 */
export async function ensureReconcileSchedule(
  client: Client,
  { intervalSeconds, taskQueuePrefix }: { intervalSeconds: number; taskQueuePrefix: string },
): Promise<void> {
  const schedule = {
    spec: { intervals: [{ every: intervalSeconds * 1_000 }] },
    action: {
      type: 'startWorkflow',
      workflowType: 'reconcile',
      workflowId: reconcileId(taskQueuePrefix),
      taskQueue: taskQueue(taskQueuePrefix),
      args: [{ force: false }] satisfies Parameters<typeof reconcile>,
      workflowExecutionTimeout: '30m',
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
  } satisfies Omit<ScheduleOptions, 'scheduleId'>;
  const scheduleId = reconcileId(taskQueuePrefix);
  try {
    await client.schedule.create({ scheduleId, ...schedule, state: { triggerImmediately: true } });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(scheduleId).update((known) => ({ ...known, ...schedule }));
  }
}
