import type { WorkflowStartOptions } from '@temporalio/client';
import type { WatchedTarget } from '../src/db/repositories/watchedTargets.ts';
import { scheduleOf, stateOf } from '../src/db/workflowView.ts';
import { describeTarget } from '../src/domain/words.ts';
import type { httpTarget } from '../src/workflows/index.ts';
import type { HttpTargetMemo } from '../src/workflows/messages.ts';
import { MONITOR_START } from './monitorStart.ts';
import { HTTP_TARGET_KIND, httpTargetWorkflowId, SEARCH_ATTRIBUTES, taskQueue } from './names.ts';

/**
 * How the workflow of a target is started, by whoever finds it missing: idempotent under its business id,
 * going on from what Postgres knows. A run that ended by accident is started again, a retired one is not.
 */
export function httpTargetStartOptions(
  watched: WatchedTarget,
  { installationId, taskQueuePrefix }: { installationId: string; taskQueuePrefix: string },
): WorkflowStartOptions<typeof httpTarget> & { workflowIdConflictPolicy: 'USE_EXISTING' } {
  const { target } = watched;
  const schedule = scheduleOf(watched);
  const state = stateOf(target);
  const memo: HttpTargetMemo = {
    name: target.name,
    installationId,
    version: target.version,
    status: describeTarget(state, null),
  };
  return {
    workflowId: httpTargetWorkflowId(target.id),
    taskQueue: taskQueue(taskQueuePrefix),
    ...MONITOR_START,
    args: [{ targetId: target.id, clientId: target.clientId, installationId, schedule, state }],
    staticSummary: target.name,
    memo: { ...memo },
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.monitorKind, value: HTTP_TARGET_KIND },
      { key: SEARCH_ATTRIBUTES.monitorStatus, value: target.status.toUpperCase() },
      { key: SEARCH_ATTRIBUTES.clientId, value: target.clientId },
    ],
  };
}
