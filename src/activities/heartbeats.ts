import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { WatchedMachineRepository } from '../db/repositories/watchedMachines.ts';
import type { Clock } from '../domain/clock.ts';
import type { HeartbeatActivities } from './contracts.ts';
import { HeartbeatJudge } from './judgeHeartbeat.ts';
import type { Silence } from './tellingSilence.ts';
import { sweepHeartbeats, type MachineWorkflowDirectory } from './sweepHeartbeats.ts';

interface HeartbeatActivityDeps {
  /** On connections of its own: whoever asks must not wait for others' statements. */
  readonly silence: Silence;
  readonly watchedMachines: WatchedMachineRepository;
  readonly workflows: MachineWorkflowDirectory;
  readonly installationId: string;
  readonly clock: Clock;
  /** Told of what is wrong on our side. */
  readonly onFault: (error: unknown, machineId: string) => void;
}

/** What finds silent machines; part of what the workers do. */
export function createHeartbeatActivities(deps: HeartbeatActivityDeps): HeartbeatActivities {
  const judge = new HeartbeatJudge(deps);
  return {
    judgeHeartbeat: (machineId) => judge.judge(machineId),
    sweepHeartbeats: (input) => sweepHeartbeats({ ...deps, progress }, input),
  };
}

/** @throws when the activity is cancelled, or its worker shuts down */
function progress(): void {
  heartbeat();
  cancellationSignal().throwIfAborted();
}
