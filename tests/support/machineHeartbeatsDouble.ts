import type { WatchedMachine } from '../../src/domain/heartbeat.ts';
import type { MachineHeartbeats } from '../../temporal/machineHeartbeats.ts';

/** Stands for Temporal: remembers what it was told of machines. */
export class MachineHeartbeatsDouble implements MachineHeartbeats {
  readonly seenMachines: WatchedMachine[] = [];
  readonly changed: WatchedMachine[] = [];
  readonly retired: string[] = [];
  sweeps = 0;
  /** False: every change is left to the sweep. */
  isThere = true;

  seen(machine: WatchedMachine): Promise<boolean> {
    this.seenMachines.push(machine);
    return Promise.resolve(this.isThere);
  }

  change(machine: WatchedMachine): Promise<boolean> {
    this.changed.push(machine);
    return Promise.resolve(this.isThere);
  }

  retire(machineId: string): Promise<boolean> {
    this.retired.push(machineId);
    return Promise.resolve(this.isThere);
  }

  sweepNow(): Promise<boolean> {
    this.sweeps += 1;
    return Promise.resolve(this.isThere);
  }
}
