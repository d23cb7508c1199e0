import type { WorkflowStartOptions } from '@temporalio/client';
import type { WatchedMachine } from '../src/domain/heartbeat.ts';
import { describeMachine } from '../src/domain/heartbeatWords.ts';
import type { machineHeartbeat } from '../src/workflows/index.ts';
import type { MachineHeartbeatMemo } from '../src/workflows/machineMessages.ts';
import { MONITOR_START } from './monitorStart.ts';
import { machineHeartbeatWorkflowId, MACHINE_HEARTBEAT_KIND, SEARCH_ATTRIBUTES, taskQueue } from './names.ts';

/**
 * How the workflow of a machine is started, by whoever finds it missing: idempotent under its business id, going on
 * from what Postgres knows. A run that ended by accident is started again, a retired one is not.
 */
export function machineHeartbeatStartOptions(
  machine: WatchedMachine,
  { installationId, taskQueuePrefix }: { installationId: string; taskQueuePrefix: string },
): WorkflowStartOptions<typeof machineHeartbeat> & { workflowIdConflictPolicy: 'USE_EXISTING' } {
  const { machineId, clientId, schedule, state } = machine;
  const memo: MachineHeartbeatMemo = {
    hostname: schedule.hostname,
    installationId,
    version: schedule.version,
    episode: state.episode,
    status: describeMachine({ schedule, state }),
  };
  return {
    workflowId: machineHeartbeatWorkflowId(machineId),
    taskQueue: taskQueue(taskQueuePrefix),
    ...MONITOR_START,
    args: [{ machineId, clientId, installationId, schedule, state }],
    staticSummary: schedule.hostname,
    memo: { ...memo },
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.monitorKind, value: MACHINE_HEARTBEAT_KIND },
      { key: SEARCH_ATTRIBUTES.monitorStatus, value: state.status.toUpperCase() },
      { key: SEARCH_ATTRIBUTES.clientId, value: clientId },
    ],
  };
}
