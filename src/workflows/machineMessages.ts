import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { CarriedMachine } from '../domain/carriedMachine.ts';
import type { HeartbeatSchedule, HeartbeatState, MachineNews, WatchedMachine } from '../domain/heartbeat.ts';

/** What starts the workflow of a machine. */
export interface MachineHeartbeatInput extends WatchedMachine {
  /** The sweep ends only the workflows of its own installation. */
  readonly installationId: string;
  /** Where a run before this one stopped; absent at the start. */
  readonly carried?: CarriedMachine;
}

/** What lists of runs show of a machine, and what the sweep compares. */
export interface MachineHeartbeatMemo {
  readonly hostname: string;
  readonly installationId: string;
  readonly version: number;
  readonly episode: number;
  readonly status: string;
}

/** The machine reports and was not up before. */
export const seenSignal = defineSignal<[news: MachineNews]>('seen');
/** The machine was paused, resumed or renamed, or has another threshold; or the sweep found something new. */
export const configureMachineSignal = defineSignal<[news: MachineNews]>('configure');
/** The machine was deleted. */
export const retireMachineSignal = defineSignal('retire');

export interface MachineHeartbeatView {
  readonly machineId: string;
  /** The same words as the current details. */
  readonly words: string;
  readonly schedule: HeartbeatSchedule;
  readonly state: HeartbeatState;
  /** When Postgres is asked next, UTC milliseconds; null until a message comes. */
  readonly nextAskAt: number | null;
}

export const machineStatusQuery = defineQuery<MachineHeartbeatView>('status');
