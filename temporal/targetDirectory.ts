import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { WorkflowIdReusePolicy } from '@temporalio/common';
import type { RunningTarget, TargetWorkflowDirectory } from '../src/activities/reconcileTargets.ts';
import type { WatchedTargetRepository } from '../src/db/repositories/watchedTargets.ts';
import { scheduleOf } from '../src/db/workflowView.ts';
import type { httpTarget } from '../src/workflows/index.ts';
import { configureSignal, retireSignal } from '../src/workflows/messages.ts';
import { httpTargetStartOptions } from './httpTargetStart.ts';
import { HTTP_TARGET_KIND, httpTargetWorkflowId, targetIdOfWorkflow } from './names.ts';

const STARTS_AT_ONCE = 20;

export interface TargetDirectoryOptions {
  readonly client: Client;
  readonly watchedTargets: WatchedTargetRepository;
  readonly installationId: string;
  readonly taskQueuePrefix: string;
}

/** The running workflows of HTTP targets, listed and corrected for reconcile. */
export function createTargetDirectory(options: TargetDirectoryOptions): TargetWorkflowDirectory {
  const { client, watchedTargets } = options;

  const startOne = async (id: string): Promise<number> => {
    const watched = await watchedTargets.find(id);
    if (watched === null) return 0; // deleted since it was listed
    const start = httpTargetStartOptions(watched, options);
    try {
      // The row lives, so even a workflow that was retired by mistake has to run again.
      const workflowIdReusePolicy = WorkflowIdReusePolicy.ALLOW_DUPLICATE;
      await client.workflow.start<typeof httpTarget>('httpTarget', { ...start, workflowIdReusePolicy });
      return 1;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return 0;
      throw error;
    }
  };

  return {
    async *listRunning(): AsyncIterable<RunningTarget> {
      const query = `MonitorKind = '${HTTP_TARGET_KIND}' AND ExecutionStatus = 'Running'`;
      for await (const { workflowId, memo } of client.workflow.list({ query, pageSize: 1_000 })) {
        const targetId = targetIdOfWorkflow(workflowId);
        if (targetId === null) continue;
        const { installationId, version } = memo ?? {};
        yield {
          targetId,
          installationId: typeof installationId === 'string' ? installationId : null,
          version: typeof version === 'number' ? version : null,
        };
      }
    },

    async startMissing(targetIds) {
      let started = 0;
      for (let index = 0; index < targetIds.length; index += STARTS_AT_ONCE) {
        const counts = await Promise.all(targetIds.slice(index, index + STARTS_AT_ONCE).map(startOne));
        started += counts.reduce((sum, count) => sum + count, 0);
      }
      return started;
    },

    async configure(targetId) {
      const watched = await watchedTargets.find(targetId);
      if (watched === null) return;
      await client.workflow
        .getHandle(httpTargetWorkflowId(targetId))
        .signal(configureSignal, scheduleOf(watched));
    },

    async retire(targetId) {
      try {
        await client.workflow.getHandle(httpTargetWorkflowId(targetId)).signal(retireSignal);
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error; // has ended in the meantime
      }
    },
  };
}
