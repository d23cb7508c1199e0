import type { Client, WorkflowStartOptions } from '@temporalio/client';
import { WorkflowIdReusePolicy } from '@temporalio/common';
import type { NotificationWorkflows } from '../src/activities/alerting/tellAlertNews.ts';
import type { notifications } from '../src/workflows/index.ts';
import { newsSignal } from '../src/workflows/notificationMessages.ts';
import { MONITOR_START, startMissing } from './monitorStart.ts';
import {
  deliveryTaskQueue,
  notificationsWorkflowId,
  notificationTaskQueue,
  NOTIFICATIONS_KIND,
  SEARCH_ATTRIBUTES,
} from './names.ts';

export interface NotificationWorkflowsOptions {
  readonly client: Client;
  readonly installationId: string;
  readonly taskQueuePrefix: string;
}

/** The workflows that tell the people of clients: one a client, started with the first news. */
export function createNotificationWorkflows({
  client: { workflow },
  installationId,
  taskQueuePrefix,
}: NotificationWorkflowsOptions): NotificationWorkflows {
  const startOptions = (
    clientId: string,
  ): WorkflowStartOptions<typeof notifications> & {
    workflowIdConflictPolicy: 'USE_EXISTING';
  } => ({
    ...MONITOR_START,
    // It never ends by itself, so whatever ended it was an accident.
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    workflowId: notificationsWorkflowId(clientId, taskQueuePrefix),
    taskQueue: notificationTaskQueue(taskQueuePrefix),
    args: [{ clientId, deliveryTaskQueue: deliveryTaskQueue(taskQueuePrefix) }],
    staticSummary: 'Tells the people of a client',
    memo: { installationId },
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.monitorKind, value: NOTIFICATIONS_KIND },
      { key: SEARCH_ATTRIBUTES.monitorStatus, value: 'OPEN' },
      { key: SEARCH_ATTRIBUTES.clientId, value: clientId },
    ],
  });
  return {
    tell: async (clientId) => {
      await workflow.signalWithStart<typeof notifications>('notifications', {
        ...startOptions(clientId),
        signal: newsSignal,
        signalArgs: [],
      });
    },
    start: (clientId) =>
      startMissing<typeof notifications>(workflow, 'notifications', startOptions(clientId)),
  };
}
