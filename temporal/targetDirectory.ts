import type { Client } from '@temporalio/client';
import type { RunningTarget, TargetWorkflowDirectory } from '../src/activities/reconcileTargets.ts';
import type { WatchedTargetRepository } from '../src/db/repositories/watchedTargets.ts';
import { scheduleOf } from '../src/db/workflowView.ts';
import type { httpTarget } from '../src/workflows/index.ts';
import { configureSignal, retireSignal, watchLostSignal } from '../src/workflows/messages.ts';
import { httpTargetStartOptions } from './httpTargetStart.ts';
import { startMissing } from './monitorStart.ts';
import { HTTP_TARGET_KIND, httpTargetWorkflowId, targetIdOfWorkflow } from './names.ts';
import { unlessEnded } from './unlessEnded.ts';

interface TargetDirectoryOptions {
  readonly client: Client;
  readonly watchedTargets: WatchedTargetRepository;
  readonly installationId: string;
  readonly taskQueuePrefix: string;
}

/** The running workflows of HTTP targets, listed and corrected for reconcile. */
export function createTargetDirectory(options: TargetDirectoryOptions): TargetWorkflowDirectory {
  const { client, watchedTargets } = options;
  const handleOf = (targetId: string) => client.workflow.getHandle(httpTargetWorkflowId(targetId));

  return {
    async *listRunning(): AsyncIterable<RunningTarget> {
      const query = `MonitorKind = '${HTTP_TARGET_KIND}' AND ExecutionStatus = 'Running'`;
      for await (const { workflowId, memo } of client.workflow.list({ query, pageSize: 1_000 })) {
        const id = targetIdOfWorkflow(workflowId);
        if (id === null) continue;
        const { installationId, version, name } = memo ?? {};
        yield {
          id,
          installationId: typeof installationId === 'string' ? installationId : null,
          version: typeof version === 'number' ? version : null,
          name: typeof name === 'string' ? name : null,
        };
      }
    },

    async start(targetId) {
      const watched = await watchedTargets.find(targetId);
      if (watched === null) return false; // deleted since it was listed
      const start = httpTargetStartOptions(watched, options);
      return startMissing<typeof httpTarget>(client.workflow, 'httpTarget', start);
    },

    async configure(targetId) {
      const watched = await watchedTargets.find(targetId);
      if (watched === null) return;
      await unlessEnded(handleOf(targetId).signal(configureSignal, scheduleOf(watched)));
    },

    retire: (targetId) => unlessEnded(handleOf(targetId).signal(retireSignal)),
    watchLost: (targetId) => unlessEnded(handleOf(targetId).signal(watchLostSignal)),
  };
}
