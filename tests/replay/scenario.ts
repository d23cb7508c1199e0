import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { INITIAL_STATE } from '../../src/domain/targetState.ts';
import type { httpTarget } from '../../src/workflows/index.ts';
import { retireSignal } from '../../src/workflows/messages.ts';
import { buildSchedule } from '../support/buildCheck.ts';
import type { PlayedActivities, TimeSkipping } from '../support/timeSkipping.ts';

/** What a worker does, and what happens to a workflow of it until the history of its first run is taken. */
export interface Scenario {
  readonly activities: PlayedActivities;
  readonly play: (
    taskQueue: string,
    temporal: TimeSkipping,
  ) => Promise<WorkflowHandleWithFirstExecutionRunId>;
}

const TARGET_ID = '6f1d0000-0000-4000-8000-000000000001';

export function startTarget(taskQueue: string, { env }: TimeSkipping) {
  return env.client.workflow.start<typeof httpTarget>('httpTarget', {
    workflowId: `http-target/${crypto.randomUUID()}`,
    taskQueue,
    args: [
      {
        targetId: TARGET_ID,
        clientId: TARGET_ID,
        installationId: TARGET_ID,
        schedule: buildSchedule(),
        state: INITIAL_STATE,
      },
    ],
  });
}

/** Watches for some hours, then deletes the target. */
export function forHours(hours: number): Scenario['play'] {
  return async (taskQueue, temporal) => {
    const handle = await startTarget(taskQueue, temporal);
    await temporal.env.sleep(`${hours} hours`);
    await handle.signal(retireSignal);
    await handle.result();
    return handle;
  };
}
