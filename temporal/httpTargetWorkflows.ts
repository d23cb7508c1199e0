import {
  isGrpcServiceError,
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Target } from '../src/db/repositories/httpTargetRow.ts';
import type { WatchedTarget } from '../src/db/repositories/watchedTargets.ts';
import { scheduleOf } from '../src/db/workflowView.ts';
import {
  checkNowUpdate,
  configureSignal,
  pauseSignal,
  resumeSignal,
  retireSignal,
  type CheckNowAnswer,
  type CheckNowRefusal,
} from '../src/workflows/messages.ts';
import type { httpTarget } from '../src/workflows/index.ts';
import { TemporalTimeoutError, type TemporalConnection } from './client.ts';
import { createHandOn } from './handOn.ts';
import { httpTargetStartOptions } from './httpTargetStart.ts';
import { httpTargetWorkflowId } from './names.ts';
import { unlessEnded } from './unlessEnded.ts';

/** A check now that did not happen, and why. */
export class CheckNowRefusedError extends Error {
  override readonly name = 'CheckNowRefusedError';
  readonly reason: 'paused' | 'retired' | 'not_run' | 'no_worker' | 'temporal_unavailable';

  constructor(reason: CheckNowRefusedError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * The workflows behind the targets. Every call but `checkNow` only hands a committed change on: it answers
 * within 2 s, and when Temporal is away the change is left to the reconcile Schedule (`false`).
 */
export interface HttpTargetWorkflows {
  /** Starts the workflow of a target, or does nothing when it runs. */
  start(target: WatchedTarget): Promise<boolean>;
  /** Hands a new version on: `pause` or `resume` when only that changed, else `configure`. */
  change(before: Target, after: WatchedTarget): Promise<boolean>;
  retire(targetId: string): Promise<boolean>;
  /**
   * Checks now; starts a workflow that is missing.
   *
   * @param requestId the update id: the same request again gets the same answer
   * @throws CheckNowRefusedError, `no_worker` after the target's timeout + 5 s
   */
  checkNow(target: WatchedTarget, requestId: string): Promise<CheckNowAnswer>;
}

interface HttpTargetWorkflowsOptions {
  readonly temporal: TemporalConnection;
  readonly taskQueuePrefix: string;
  /** Known once the database is; read with each start. */
  readonly installationId: () => Promise<string>;
  /** Told of each change that is left to reconcile. */
  readonly onLeftToReconcile: (targetId: string, error: unknown) => void;
}

const CHECK_NOW_MARGIN_MS = 5_000;
/** gRPC status: more updates in flight than Temporal allows a workflow (10). */
const RESOURCE_EXHAUSTED = 8;

export function createHttpTargetWorkflows(options: HttpTargetWorkflowsOptions): HttpTargetWorkflows {
  const { temporal } = options;
  const workflows = temporal.client.workflow;

  const startOptions = async (watched: WatchedTarget) =>
    httpTargetStartOptions(watched, {
      installationId: await options.installationId(),
      taskQueuePrefix: options.taskQueuePrefix,
    });

  const handOn = createHandOn(temporal, options.onLeftToReconcile);

  return {
    start: (watched) =>
      handOn(watched.target.id, async () =>
        workflows.start<typeof httpTarget>('httpTarget', await startOptions(watched)),
      ),

    change: (before, after) =>
      handOn(after.target.id, async () => {
        const start = await startOptions(after);
        await workflows.signalWithStart<typeof httpTarget, unknown[]>('httpTarget', {
          ...start,
          ...changeSignal(before, after),
        });
      }),

    retire: (targetId) =>
      handOn(targetId, () =>
        unlessEnded(workflows.getHandle(httpTargetWorkflowId(targetId)).signal(retireSignal)),
      ),

    checkNow: async (watched, requestId) => {
      const withinMs = watched.target.timeoutSeconds * 1_000 + CHECK_NOW_MARGIN_MS;
      try {
        const start = await startOptions(watched);
        return await temporal.within(withinMs, () =>
          workflows.executeUpdateWithStart(checkNowUpdate, {
            startWorkflowOperation: new WithStartWorkflowOperation<typeof httpTarget>('httpTarget', start),
            updateId: requestId,
          }),
        );
      } catch (error) {
        throw refusalOf(error, withinMs);
      }
    },
  };
}

/** What ops read in the history: a pause that is called one, or a configuration. */
function changeSignal(before: Target, after: WatchedTarget) {
  const { target } = after;
  const onlyActivityChanged =
    before.isActive !== target.isActive &&
    JSON.stringify(watching(before)) === JSON.stringify(watching(target)) &&
    target.version === before.version + 1;
  if (!onlyActivityChanged) return { signal: configureSignal, signalArgs: [scheduleOf(after)] };
  return { signal: target.isActive ? resumeSignal : pauseSignal, signalArgs: [{ version: target.version }] };
}

function watching(target: Target) {
  const { url, method, headers, body, acceptedStatusCodes, followRedirects, verifyTls } = target;
  const { isActive: _isActive, version: _version, ...schedule } = scheduleOf({ target, failureThreshold: 1 });
  return { url, method, headers, body, acceptedStatusCodes, followRedirects, verifyTls, schedule };
}

const REFUSAL_REASONS = {
  TargetPaused: 'paused',
  TargetRetired: 'retired',
  CheckNotRun: 'not_run',
} as const satisfies Record<CheckNowRefusal, CheckNowRefusedError['reason']>;

function refusalOf(error: unknown, withinMs: number): unknown {
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    const reason = Object.entries(REFUSAL_REASONS).find(
      ([type]) => type === (error.cause as ApplicationFailure).type,
    );
    if (reason !== undefined)
      return new CheckNowRefusedError(reason[1], error.cause.message, { cause: error });
  }
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return new CheckNowRefusedError(
      'not_run',
      'The workflow of this target has ended; it will be started again within a minute.',
      {
        cause: error,
      },
    );
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
    return new CheckNowRefusedError('no_worker', `No worker answered within ${withinMs / 1_000} s.`, {
      cause: error,
    });
  }
  if (error instanceof WorkflowNotFoundError || error instanceof WorkflowUpdateFailedError) {
    return new CheckNowRefusedError('not_run', 'The workflow ended before it answered.', { cause: error });
  }
  const code: number | null = isGrpcServiceError(error) ? error.code : null;
  if (code === RESOURCE_EXHAUSTED) {
    return new CheckNowRefusedError('not_run', 'Too many checks of this target are asked for at once.', {
      cause: error,
    });
  }
  const message = error instanceof TemporalTimeoutError ? error.message : 'Temporal cannot be reached.';
  return new CheckNowRefusedError('temporal_unavailable', message, { cause: error });
}
