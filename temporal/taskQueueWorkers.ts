import { Worker, type NativeConnection, type WorkflowBundleOption } from '@temporalio/worker';
import { deliveryTaskQueue, notificationTaskQueue, taskQueue } from './names.ts';
import type { WorkerActivities } from './workerServices.ts';

/** Workflows of watched targets seldom wake; a stepping one that is not cached is replayed for each check. 0.4 MB each. */
const MAX_CACHED_WORKFLOWS = 200;
/**
 * Workflow tasks are CPU work on one thread, and their time limit runs from when they are taken: more of them
 * at once, each with a history to replay, all run out of time together, again and again.
 */
const MAX_WORKFLOW_TASKS = 4;
/** Probes in flight; each holds a socket, and many systems allow 1,024 open files. */
const MAX_ACTIVITIES = 500;
/** Clients that are being told at once. */
const MAX_CACHED_NOTIFICATION_WORKFLOWS = 50;
const MAX_PLANS = 4;
/** Messages that are being sent at once; those that wait for their next attempt take no room. */
const MAX_DELIVERIES = 100;

export interface TaskQueueWorkersOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueuePrefix: string;
  readonly workflowBundle: WorkflowBundleOption;
  readonly activities: WorkerActivities;
}

/** What polls the task queues of a worker process, as one. */
export interface TaskQueueWorkers {
  /** Resolves when all of them have stopped; when one fails the others are stopped. */
  run(): Promise<void>;
  shutdown(): void;
}

/**
 * Three task queues, so that what is many keeps nothing else waiting: the monitors with their checks; the workflows that
 * tell people; and the messages on their way, of which some hang for as long as they may.
 */
export async function createTaskQueueWorkers(options: TaskQueueWorkersOptions): Promise<TaskQueueWorkers> {
  const { connection, namespace, taskQueuePrefix, workflowBundle, activities } = options;
  const shared = {
    connection,
    namespace,
    // A killed worker's workflows go on elsewhere after this long.
    stickyQueueScheduleToStartTimeout: '1s',
    // Cancellation reaches a probe with its next heartbeat.
    maxHeartbeatThrottleInterval: '500ms',
    defaultHeartbeatThrottleInterval: '500ms',
    shutdownGraceTime: '1s',
    shutdownForceTime: '6s',
  } as const;
  const workers = await Promise.all([
    Worker.create({
      ...shared,
      taskQueue: taskQueue(taskQueuePrefix),
      workflowBundle,
      activities: activities.monitoring,
      maxCachedWorkflows: MAX_CACHED_WORKFLOWS,
      maxConcurrentActivityTaskExecutions: MAX_ACTIVITIES,
      maxConcurrentWorkflowTaskExecutions: MAX_WORKFLOW_TASKS,
    }),
    Worker.create({
      ...shared,
      taskQueue: notificationTaskQueue(taskQueuePrefix),
      workflowBundle,
      activities: activities.notifications,
      maxCachedWorkflows: MAX_CACHED_NOTIFICATION_WORKFLOWS,
      maxConcurrentActivityTaskExecutions: MAX_PLANS,
      maxConcurrentWorkflowTaskExecutions: MAX_WORKFLOW_TASKS,
    }),
    Worker.create({
      ...shared,
      taskQueue: deliveryTaskQueue(taskQueuePrefix),
      activities: activities.deliveries,
      maxConcurrentActivityTaskExecutions: MAX_DELIVERIES,
    }),
  ]);
  const shutdown = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  return {
    shutdown,
    run: async () => {
      const runs = workers.map((worker) => worker.run());
      for (const run of runs) run.catch(shutdown);
      const ended = await Promise.allSettled(runs);
      const failed = ended.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  };
}
