import pLimit from 'p-limit';
import type { SilenceRepository } from '../db/repositories/silence.ts';
import type { WatchedMachineRepository } from '../db/repositories/watchedMachines.ts';
import type { MachineWorkflowDirectory } from './sweepHeartbeats.ts';

export type Silence = Pick<SilenceRepository, 'judgeAll' | 'judgements'>;

interface TellingSilenceDeps {
  readonly silence: Silence;
  readonly watchedMachines: Pick<WatchedMachineRepository, 'findAll'>;
  readonly workflows: Pick<MachineWorkflowDirectory, 'configure'>;
  /** Whom it could not tell asks by itself, or is told by the sweep. */
  readonly onFault: (error: unknown) => void;
}

const TOLD_AT_ONCE = 20;

/** The judgement of silence that tells the workflows of those that it finds down, whoever has asked for it. */
export function tellingSilence({
  silence,
  watchedMachines,
  workflows,
  onFault,
}: TellingSilenceDeps): Silence {
  const limit = pLimit(TOLD_AT_ONCE);
  const tell = async (machineIds: readonly string[]): Promise<void> => {
    const machines = await watchedMachines.findAll(machineIds);
    await limit.map(machines, (machine) => workflows.configure(machine));
  };
  return {
    judgeAll: async () => {
      const silent = await silence.judgeAll();
      if (silent.length > 0) tell(silent).catch(onFault);
      return silent;
    },
    judgements: (machineIds) => silence.judgements(machineIds),
  };
}
