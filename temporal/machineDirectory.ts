import type { Client } from '@temporalio/client';
import type { MachineWorkflowDirectory, RunningMachine } from '../src/activities/sweepHeartbeats.ts';
import type { machineHeartbeat } from '../src/workflows/index.ts';
import { configureMachineSignal, retireMachineSignal } from '../src/workflows/machineMessages.ts';
import { machineHeartbeatStartOptions } from './machineHeartbeatStart.ts';
import { startMissing } from './monitorStart.ts';
import {
  machineHeartbeatWorkflowId,
  machineIdOfWorkflow,
  MACHINE_HEARTBEAT_KIND,
  SEARCH_ATTRIBUTES,
} from './names.ts';
import { unlessEnded } from './unlessEnded.ts';

interface MachineDirectoryOptions {
  readonly client: Client;
  readonly installationId: string;
  readonly taskQueuePrefix: string;
}

/** The running workflows of machines, listed and corrected for the sweep. */
export function createMachineDirectory(options: MachineDirectoryOptions): MachineWorkflowDirectory {
  const { workflow } = options.client;
  const handleOf = (machineId: string) => workflow.getHandle(machineHeartbeatWorkflowId(machineId));

  return {
    async *listRunning(): AsyncIterable<RunningMachine> {
      const query = `MonitorKind = '${MACHINE_HEARTBEAT_KIND}' AND ExecutionStatus = 'Running'`;
      for await (const { workflowId, memo, typedSearchAttributes } of workflow.list({
        ...{ query, pageSize: 1_000 },
      })) {
        const id = machineIdOfWorkflow(workflowId);
        if (id === null) continue;
        const { installationId, version, hostname, episode } = memo ?? {};
        yield {
          id,
          installationId: typeof installationId === 'string' ? installationId : null,
          version: typeof version === 'number' ? version : null,
          hostname: typeof hostname === 'string' ? hostname : null,
          episode: typeof episode === 'number' ? episode : null,
          status: typedSearchAttributes.get(SEARCH_ATTRIBUTES.monitorStatus) ?? null,
        };
      }
    },

    async start(machine) {
      const start = machineHeartbeatStartOptions(machine, options);
      return startMissing<typeof machineHeartbeat>(workflow, 'machineHeartbeat', start);
    },

    configure: ({ machineId, schedule, state }) =>
      unlessEnded(handleOf(machineId).signal(configureMachineSignal, { schedule, state })),

    retire: (machineId) => unlessEnded(handleOf(machineId).signal(retireMachineSignal)),
  };
}
