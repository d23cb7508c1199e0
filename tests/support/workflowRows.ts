import { activityInfo, Context } from '@temporalio/activity';
import { ActivityCancelledError, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { Activities, CheckTargetInput } from '../../src/activities/contracts.ts';
import type { CheckResult } from '../../src/domain/check.ts';
import type { TargetSchedule } from '../../src/domain/schedule.ts';
import {
  decideCheck,
  INITIAL_STATE,
  lastSlotOf,
  nextCheckAt,
  reduceCheck,
} from '../../src/domain/targetState.ts';
import { certificateStage, watchNews } from '../../src/domain/watching.ts';
import type { httpTarget } from '../../src/workflows/index.ts';
import { buildFailure, buildResult, recordedAnswer } from './buildCheck.ts';
import type { TimeSkipping } from './timeSkipping.ts';

export type Handle = WorkflowHandleWithFirstExecutionRunId<typeof httpTarget>;

export function startHttpTarget(
  temporal: TimeSkipping,
  taskQueue: string,
  schedule: TargetSchedule,
): Promise<Handle> {
  const targetId = crypto.randomUUID();
  return temporal.env.client.workflow.start<typeof httpTarget>('httpTarget', {
    workflowId: `http-target/${targetId}`,
    taskQueue,
    args: [
      { targetId, clientId: crypto.randomUUID(), installationId: 'test', schedule, state: INITIAL_STATE },
    ],
  });
}

/** @returns whether no run is left behind */
export async function allHaveEnded(handles: readonly Handle[]): Promise<boolean> {
  const descriptions = await Promise.all(handles.map((handle) => handle.describe()));
  return descriptions.every(({ status }) => status.name !== 'RUNNING');
}

/** What a Postgres that works keeps: rows by slot, the stored one winning. */
export class Rows {
  readonly bySlot = new Map<number, CheckResult>();
  doubled = 0;

  store(result: CheckResult): void {
    if (this.bySlot.has(result.scheduledAt)) this.doubled += 1;
    else this.bySlot.set(result.scheduledAt, result);
  }

  get slots(): number[] {
    return [...this.bySlot.keys()].sort((a, b) => a - b);
  }

  /** Oldest first. */
  since(slot: number): CheckResult[] {
    return [...this.bySlot.values()]
      .filter(({ scheduledAt }) => scheduledAt >= slot)
      .sort((a, b) => a.scheduledAt - b.scheduledAt);
  }
}

/** Which check it is. */
export type CheckIdentity = Pick<CheckTargetInput, 'targetId' | 'slot' | 'kind'>;

/** A worker whose Postgres works: checks are stored. */
export function passing(
  rows: Rows,
  result: (check: CheckIdentity) => CheckResult = passed,
): Pick<Activities, 'checkTarget'> {
  return {
    checkTarget: (input) => {
      const found = result(input);
      rows.store(found);
      return Promise.resolve(recordedAnswer(input, found));
    },
  };
}

/** A worker that watches steady targets as well, in the skipped time. */
export function watching(
  temporal: TimeSkipping,
  rows: Rows,
  result: (check: CheckIdentity) => CheckResult = passed,
): Pick<Activities, 'checkTarget' | 'watchTarget'> {
  return { ...passing(rows, result), watchTarget: watchInSkippedTime(temporal, rows, result) };
}

/** Before a slot, since the test server does not bear that a workflow cancels a timer in the instant in which it fires. */
const ASKS_BEFORE_SLOT_MS = 500;

/** Serves slots as the host of a worker does, by the same rules; ends when it is cancelled, as after a notification. */
function watchInSkippedTime(
  temporal: TimeSkipping,
  rows: Rows,
  result: (check: CheckIdentity) => CheckResult,
): Activities['watchTarget'] {
  return async ({ targetId, schedule, state: began, firstSlot, until }) => {
    const { taskToken } = activityInfo();
    const { cancelled } = Context.current();
    // Rejects when its worker shuts down: a test that has failed sleeps no more.
    const sleepUntil = async (at: number): Promise<void> => {
      const now = await temporal.now();
      if (now < at) await Promise.race([temporal.env.sleep(at - now), cancelled]);
    };
    const seen = {
      failureThreshold: schedule.failureThreshold,
      unrecorded: [],
      summary: null,
      schedule: null,
    };
    const stage = certificateStage(began.certificateExpiresAt, firstSlot);
    const status = { status: began.status, certificateStage: stage };
    // One that begins for the second time goes on from what it stored.
    let state = rows.since(firstSlot).reduce((known, row) => reduceCheck(known, row, schedule).state, began);
    let slot = state === began ? firstSlot : nextCheckAt(targetId, state, schedule, lastSlotOf(state), 0);
    while (slot < until) {
      await sleepUntil(slot - ASKS_BEFORE_SLOT_MS);
      if (await isCancelled(temporal, taskToken)) return { ...seen, end: 'revoked', state };
      await sleepUntil(slot);
      const found = result({ targetId, slot, kind: 'scheduled' });
      rows.store(found);
      state = decideCheck(null, state, found, schedule);
      const end = watchNews(status, state, slot);
      if (end !== null) return { ...seen, end, state };
      slot = nextCheckAt(targetId, state, schedule, slot, slot);
    }
    return { ...seen, end: 'window', state };
  };
}

/** By the client: the heartbeats of a worker are spaced in real time, and the skipped one would run out. */
async function isCancelled(temporal: TimeSkipping, taskToken: Uint8Array): Promise<boolean> {
  try {
    await temporal.env.client.activity.heartbeat(taskToken);
    return false;
  } catch (error) {
    if (error instanceof ActivityCancelledError) return true;
    throw error;
  }
}

export function passed({ slot, kind }: CheckIdentity): CheckResult {
  return buildResult({ scheduledAt: slot, kind });
}

export function failed({ slot, kind }: CheckIdentity): CheckResult {
  return buildFailure({ scheduledAt: slot, kind });
}
