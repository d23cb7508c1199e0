import { ScheduleOverlapPolicy } from '@temporalio/client';
import type { SignalDefinition } from '@temporalio/common';
import type { MachineNews, WatchedMachine } from '../src/domain/heartbeat.ts';
import type { machineHeartbeat } from '../src/workflows/index.ts';
import { configureMachineSignal, retireMachineSignal, seenSignal } from '../src/workflows/machineMessages.ts';
import type { TemporalConnection } from './client.ts';
import { createHandOn } from './handOn.ts';
import { machineHeartbeatStartOptions } from './machineHeartbeatStart.ts';
import { heartbeatSweepId, machineHeartbeatWorkflowId } from './names.ts';
import { unlessEnded } from './unlessEnded.ts';

/**
 * The workflows behind the machines. Every call only hands on what Postgres has: it answers within 2 s and never
 * throws; when Temporal is away the change is left to the sweep (`false`).
 */
export interface MachineHeartbeats {
  /** A machine reports that is new, was down, or was paused: starts its workflow where it is missing, and tells it. */
  seen(machine: WatchedMachine): Promise<boolean>;
  /** Hands a new version on: paused, resumed, renamed, or with another threshold. */
  change(machine: WatchedMachine): Promise<boolean>;
  /** The machine was deleted. */
  retire(machineId: string): Promise<boolean>;
  /** Compares all machines with their workflows now, after a change that concerns many. */
  sweepNow(): Promise<boolean>;
}

interface MachineHeartbeatsOptions {
  readonly temporal: TemporalConnection;
  readonly taskQueuePrefix: string;
  /** Known once the database is; read with each start. */
  readonly installationId: () => Promise<string>;
  /** Told of each change that is left to the sweep; null where it concerns many machines. */
  readonly onLeftToSweep: (machineId: string | null, error: unknown) => void;
}

export function createMachineHeartbeats(options: MachineHeartbeatsOptions): MachineHeartbeats {
  const { temporal, taskQueuePrefix } = options;
  const { workflow, schedule } = temporal.client;

  const handOn = createHandOn(temporal, options.onLeftToSweep);

  const tell = (machine: WatchedMachine, signal: SignalDefinition<[MachineNews]>): Promise<boolean> =>
    handOn(machine.machineId, async () => {
      const installationId = await options.installationId();
      const { schedule: watched, state } = machine;
      await workflow.signalWithStart<typeof machineHeartbeat, [MachineNews]>('machineHeartbeat', {
        ...machineHeartbeatStartOptions(machine, { installationId, taskQueuePrefix }),
        signal,
        signalArgs: [{ schedule: watched, state }],
      });
    });

  return {
    seen: (machine) => tell(machine, seenSignal),
    change: (machine) => tell(machine, configureMachineSignal),

    retire: (machineId) =>
      handOn(machineId, () =>
        unlessEnded(workflow.getHandle(machineHeartbeatWorkflowId(machineId)).signal(retireMachineSignal)),
      ),

    // One that runs already may have read what is old by now, so another one runs after it.
    sweepNow: () =>
      handOn(null, () =>
        schedule.getHandle(heartbeatSweepId(taskQueuePrefix)).trigger(ScheduleOverlapPolicy.BUFFER_ONE),
      ),
  };
}
