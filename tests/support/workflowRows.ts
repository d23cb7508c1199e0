import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { Activities, CheckTargetInput } from '../../src/activities/contracts.ts';
import type { CheckResult } from '../../src/domain/check.ts';
import type { TargetSchedule } from '../../src/domain/schedule.ts';
import { INITIAL_STATE } from '../../src/domain/targetState.ts';
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
}

export function passing(
  rows: Rows,
  result: (input: CheckTargetInput) => CheckResult = passed,
): Pick<Activities, 'checkTarget'> {
  return {
    checkTarget: (input) => {
      const found = result(input);
      rows.store(found);
      return Promise.resolve(recordedAnswer(input, found));
    },
  };
}

export function passed({ slot, kind }: CheckTargetInput): CheckResult {
  return buildResult({ scheduledAt: slot, kind });
}

export function failed({ slot, kind }: CheckTargetInput): CheckResult {
  return buildFailure({ scheduledAt: slot, kind });
}
