import { setCurrentDetails, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import type { WatchedMachine } from '../domain/heartbeat.ts';
import type { HeartbeatRun } from '../domain/heartbeatRun.ts';
import { MONITOR_STATUS } from './messages.ts';
import type { MachineHeartbeatMemo } from './machineMessages.ts';

/** What ops see of a machine in the Temporal UI, and the sweep in its lists. */
export class MachineDisplay {
  private readonly machine: HeartbeatRun;
  /** What memo and search attributes say: set at the start by whoever starts the workflow. */
  private published: Pick<WatchedMachine, 'schedule' | 'state'>;

  constructor(machine: HeartbeatRun, published: Pick<WatchedMachine, 'schedule' | 'state'>) {
    this.machine = machine;
    this.published = published;
  }

  /** Search attributes change on transitions only, the memo also with the configuration: each is an event. */
  publish(): void {
    const { currentSchedule: schedule, currentState: state } = this.machine;
    const { schedule: oldSchedule, state: oldState } = this.published;
    const isTransition = state.status !== oldState.status;
    if (isTransition) upsertSearchAttributes([{ key: MONITOR_STATUS, value: state.status.toUpperCase() }]);
    const isSame =
      !isTransition &&
      state.episode === oldState.episode &&
      schedule.version === oldSchedule.version &&
      schedule.hostname === oldSchedule.hostname;
    if (isSame) return;
    this.published = { schedule, state };
    upsertMemo({
      hostname: schedule.hostname,
      version: schedule.version,
      episode: state.episode,
      status: this.machine.words(),
    } satisfies Partial<MachineHeartbeatMemo>);
  }

  /** With the hostname, since the summary that the first run was started with does not outlive it. */
  describe(): void {
    setCurrentDetails(`${this.machine.words()}\n\n${this.machine.currentSchedule.hostname}`);
  }
}
