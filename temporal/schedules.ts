import {
  ScheduleAlreadyRunning,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleOptions,
  type ScheduleSpec,
} from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import type {
  alertSweep,
  evaluation,
  heartbeatSweep,
  reconcile,
  retention,
  rollups,
} from '../src/workflows/index.ts';
import {
  alertSweepId,
  evaluationId,
  heartbeatSweepId,
  reconcileId,
  retentionId,
  rollupsId,
  taskQueue,
} from './names.ts';

interface SchedulesOptions {
  readonly reconcileIntervalSeconds: number;
  readonly heartbeatIntervalSeconds: number;
  readonly evaluationIntervalSeconds: number;
  readonly taskQueuePrefix: string;
}

type Span = `${number}${'m' | 'h'}`;

interface ScheduledWork<W extends Workflow> {
  /** Of the Schedule, and of the workflow that it starts. */
  readonly id: string;
  readonly workflowType: string;
  readonly args: Parameters<W>;
  readonly spec: ScheduleSpec;
  /** How late a run may start that was missed while Temporal was away. */
  readonly catchupWindow: Span;
  readonly executionTimeout: Span;
  /** Run once as soon as the Schedule is made. */
  readonly isUrgent?: boolean;
}

/**
 * Makes the Schedules of what runs beside the monitors, or brings older ones up to date: reconcile, the sweep of the
 * heartbeats and that of the alerts, the evaluation of metrics, the rollups (seven minutes after each hour, when its last checks are stored) and retention (at night,
 * UTC). Any number of workers may call it at once.
 */
export async function ensureSchedules(
  client: Client,
  {
    reconcileIntervalSeconds,
    heartbeatIntervalSeconds,
    evaluationIntervalSeconds,
    taskQueuePrefix,
  }: SchedulesOptions,
): Promise<void> {
  await ensureSchedule<typeof reconcile>(client, taskQueuePrefix, {
    id: reconcileId(taskQueuePrefix),
    workflowType: 'reconcile',
    args: [{ force: false }],
    spec: { intervals: [{ every: reconcileIntervalSeconds * 1_000 }] },
    catchupWindow: '1m',
    executionTimeout: '30m',
    isUrgent: true,
  });
  await ensureSchedule<typeof heartbeatSweep>(client, taskQueuePrefix, {
    id: heartbeatSweepId(taskQueuePrefix),
    workflowType: 'heartbeatSweep',
    args: [{ force: false }],
    spec: { intervals: [{ every: heartbeatIntervalSeconds * 1_000 }] },
    catchupWindow: '1m',
    executionTimeout: '30m',
    isUrgent: true,
  });
  await ensureSchedule<typeof alertSweep>(client, taskQueuePrefix, {
    id: alertSweepId(taskQueuePrefix),
    workflowType: 'alertSweep',
    args: [],
    spec: { intervals: [{ every: reconcileIntervalSeconds * 1_000 }] },
    catchupWindow: '1m',
    executionTimeout: '30m',
  });
  await ensureSchedule<typeof evaluation>(client, taskQueuePrefix, {
    id: evaluationId(taskQueuePrefix),
    workflowType: 'evaluation',
    args: [],
    spec: { intervals: [{ every: evaluationIntervalSeconds * 1_000 }] },
    catchupWindow: '1m',
    executionTimeout: '30m',
  });
  await ensureSchedule<typeof rollups>(client, taskQueuePrefix, {
    id: rollupsId(taskQueuePrefix),
    workflowType: 'rollups',
    args: [],
    spec: { intervals: [{ every: '1h', offset: '7m' }] },
    catchupWindow: '1h',
    executionTimeout: '3h',
  });
  await ensureSchedule<typeof retention>(client, taskQueuePrefix, {
    id: retentionId(taskQueuePrefix),
    workflowType: 'retention',
    args: [],
    spec: { calendars: [{ hour: 0, minute: 40, comment: 'every night at 00:40 UTC' }] },
    catchupWindow: '12h',
    executionTimeout: '6h',
  });
}

async function ensureSchedule<W extends Workflow>(
  client: Client,
  taskQueuePrefix: string,
  { id, workflowType, args, spec, catchupWindow, executionTimeout, isUrgent = false }: ScheduledWork<W>,
): Promise<void> {
  const schedule = {
    spec,
    action: {
      type: 'startWorkflow',
      workflowType,
      workflowId: id,
      taskQueue: taskQueue(taskQueuePrefix),
      args,
      workflowExecutionTimeout: executionTimeout,
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow },
  } satisfies Omit<ScheduleOptions, 'scheduleId'>;
  try {
    const state = isUrgent ? { triggerImmediately: true } : {};
    await client.schedule.create({ scheduleId: id, ...schedule, state });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(id).update((known) => ({ ...known, ...schedule }));
  }
}
