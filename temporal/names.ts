import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { MONITOR_STATUS } from '../src/workflows/messages.ts';

/** The task queue of everything that the workers do. */
export function taskQueue(prefix: string): string {
  return `${prefix}monitoring`;
}

/** The task queue of the workflows that tell people: they do not wait behind thousands of monitors. */
export function notificationTaskQueue(prefix: string): string {
  return `${prefix}notifications`;
}

/** The task queue of messages on their way to channels: a channel that is slow keeps no check waiting. */
export function deliveryTaskQueue(prefix: string): string {
  return `${prefix}deliveries`;
}

/** Business ids: what ops type into the search box of the Temporal UI. */
export function httpTargetWorkflowId(targetId: string): string {
  return `http-target/${targetId}`;
}

/** @returns null for the id of another kind of workflow */
export function targetIdOfWorkflow(workflowId: string): string | null {
  return workflowId.startsWith('http-target/') ? workflowId.slice('http-target/'.length) : null;
}

export function machineHeartbeatWorkflowId(machineId: string): string {
  return `machine-heartbeat/${machineId}`;
}

/** @returns null for the id of another kind of workflow */
export function machineIdOfWorkflow(workflowId: string): string | null {
  return workflowId.startsWith('machine-heartbeat/') ? workflowId.slice('machine-heartbeat/'.length) : null;
}

/** With the prefix, since the dev client has the same id in every installation. */
export function notificationsWorkflowId(clientId: string, taskQueuePrefix: string): string {
  return `${taskQueuePrefix}notifications/${clientId}`;
}

/** One for each task queue, so that several installations can share a namespace. */
export function selfTestWorkflowId(taskQueuePrefix: string): string {
  return `${taskQueuePrefix}self-test`;
}

/** Id of the Schedule and of the workflow that it starts. */
export function reconcileId(taskQueuePrefix: string): string {
  return `${taskQueuePrefix}reconcile`;
}

/** The same for the Schedule that rolls checks up. */
export function rollupsId(taskQueuePrefix: string): string {
  return `${taskQueuePrefix}rollups`;
}

/** The same for the Schedule that drops what is too old. */
export function retentionId(taskQueuePrefix: string): string {
  return `${taskQueuePrefix}retention`;
}

/** The same for the Schedule that compares machines with their workflows. */
export function heartbeatSweepId(taskQueuePrefix: string): string {
  return `${taskQueuePrefix}heartbeat-sweep`;
}

/** The same for the Schedule that compares metrics with their thresholds. */
export function evaluationId(taskQueuePrefix: string): string {
  return `${taskQueuePrefix}evaluation`;
}

/** The same for the Schedule that compares alerts with what they are about. */
export function alertSweepId(taskQueuePrefix: string): string {
  return `${taskQueuePrefix}alert-sweep`;
}

/** `MonitorKind` of a target's workflow. */
export const HTTP_TARGET_KIND = 'http-target';
/** `MonitorKind` of a machine's workflow. */
export const MACHINE_HEARTBEAT_KIND = 'machine-heartbeat';
/** `MonitorKind` of the workflow that tells a client's people. */
export const NOTIFICATIONS_KIND = 'notifications';

export const SEARCH_ATTRIBUTES = {
  monitorKind: defineSearchAttributeKey('MonitorKind', SearchAttributeType.KEYWORD),
  monitorStatus: MONITOR_STATUS,
  clientId: defineSearchAttributeKey('ClientId', SearchAttributeType.KEYWORD),
} as const;

/** What an alert is about, as far as it says which workflow to look at. */
export interface AlertedSource {
  readonly clientId: string;
  readonly httpTargetId: string | null;
  readonly machineId: string | null;
}

/** Where the runs of this installation are, and what its ids begin with. */
export interface RunLocation {
  readonly uiUrl: string | null;
  readonly namespace: string;
  readonly taskQueuePrefix: string;
}

/** The run behind an alert in the Temporal UI, or null where no UI is configured. */
export function alertUrl(
  source: AlertedSource,
  { uiUrl, namespace, taskQueuePrefix }: RunLocation,
): string | null {
  return temporalUiUrl(uiUrl, namespace, alertWorkflowId(source, taskQueuePrefix));
}

/** The workflow that watches what an alert is about; where it is the monitor itself, the one that tells of it. */
function alertWorkflowId(
  { clientId, httpTargetId, machineId }: AlertedSource,
  taskQueuePrefix: string,
): string {
  if (httpTargetId !== null) return httpTargetWorkflowId(httpTargetId);
  if (machineId !== null) return machineHeartbeatWorkflowId(machineId);
  return notificationsWorkflowId(clientId, taskQueuePrefix);
}

/** The run in the Temporal UI, or null where no UI is configured. */
export function temporalUiUrl(uiUrl: string | null, namespace: string, workflowId: string): string | null {
  if (uiUrl === null) return null;
  return `${uiUrl}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}
