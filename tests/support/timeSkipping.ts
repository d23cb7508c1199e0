import { DefaultLogger, Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import type {
  Activities,
  EvaluationActivities,
  HeartbeatActivities,
  StorageActivities,
} from '../../src/activities/contracts.ts';
import type {
  AlertSweepActivities,
  DeliveryActivities,
  NotificationActivities,
} from '../../src/activities/alerting/contracts.ts';
import { nothingSeen } from '../../src/activities/watch/handBack.ts';
import { bundleWorkflows } from '../../temporal/bundle.ts';
import { SEARCH_ATTRIBUTES } from '../../temporal/names.ts';
import { timeSkippingServerBinary } from './timeSkippingServer/binary.ts';

/** Where a test brings no watch of its own, every check is stepped. */
const stepping: Pick<Activities, 'watchTarget'> = {
  watchTarget: () => Promise.resolve(nothingSeen('notStarted')),
};

/** Temporal's enum value of a keyword. */
const KEYWORD = 2;

/** What a worker of a test does. */
export type PlayedActivities = Partial<
  Activities &
    AlertSweepActivities &
    DeliveryActivities &
    EvaluationActivities &
    HeartbeatActivities &
    NotificationActivities &
    StorageActivities
>;

/** A Temporal in which days pass in seconds; one for each test file, always torn down. */
export interface TimeSkipping {
  readonly env: TestWorkflowEnvironment;
  /**
   * Runs a worker of these activities while `work` goes on, on a task queue of its own. Where one is named, it may take
   * over from another worker: it keeps no workflow in memory, since the test server would wait for the one that did.
   */
  withWorker<T>(
    activities: PlayedActivities,
    work: (taskQueue: string) => Promise<T>,
    taskQueue?: string,
  ): Promise<T>;
  /** UTC milliseconds of the skipped time. */
  now(): Promise<number>;
  teardown(): Promise<void>;
}

export async function startTimeSkipping(): Promise<TimeSkipping> {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: 'ERROR', forward: {} } },
    shutdownSignals: [],
  });
  const binary = await timeSkippingServerBinary();
  const env = await TestWorkflowEnvironment.createTimeSkipping(
    binary === null ? {} : { server: { executable: { type: 'existing-path', path: binary } } },
  );
  await env.connection.operatorService.addSearchAttributes({
    namespace: env.namespace ?? 'default',
    searchAttributes: Object.fromEntries(Object.values(SEARCH_ATTRIBUTES).map(({ name }) => [name, KEYWORD])),
  });
  let bundle: Promise<WorkflowBundleWithSourceMap> | null = null;
  return {
    env,
    async withWorker(activities, work, namedQueue) {
      bundle ??= bundleWorkflows();
      const taskQueue = namedQueue ?? `test-${crypto.randomUUID()}`;
      const worker = await Worker.create({
        connection: env.nativeConnection,
        taskQueue,
        workflowBundle: await bundle,
        activities: { ...stepping, ...activities },
        ...(namedQueue === undefined ? {} : { maxCachedWorkflows: 0 }),
        maxHeartbeatThrottleInterval: '50ms',
        defaultHeartbeatThrottleInterval: '50ms',
      });
      return worker.runUntil(() => work(taskQueue));
    },
    now: async () => env.currentTimeMs(),
    teardown: () => env.teardown(),
  };
}
