import pLimit from 'p-limit';
import type { SilenceRepository } from '../db/repositories/silence.ts';
import type { WatchedMachineRepository } from '../db/repositories/watchedMachines.ts';
import { sleepUnless } from '../net/abortable.ts';
import type { MachineWorkflowDirectory } from './sweepHeartbeats.ts';

export interface WatchSilenceDeps {
  readonly silence: Pick<SilenceRepository, 'judgeAll'>;
  readonly watchedMachines: Pick<WatchedMachineRepository, 'findAll'>;
  readonly workflows: Pick<MachineWorkflowDirectory, 'configure'>;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Told once for each trouble, not each second. */
  readonly onFault: (error: unknown) => void;
}

/** One statement that takes a millisecond where nobody is silent. */
const JUDGE_EVERY_MS = 1_000;
const TOLD_AT_ONCE = 20;

/**
 * Lets Postgres judge the silence of all machines every second, and tells the workflows of those that it finds: so
 * these need not ask each by itself. Whom it could not tell, asks some time after its deadline, or is told by the sweep.
 */
export async function watchSilence(deps: WatchSilenceDeps): Promise<void> {
  const { silence, watchedMachines, workflows, signal, onFault } = deps;
  const limit = pLimit(TOLD_AT_ONCE);
  let isTroubled = false;
  const fault = (error: unknown): void => {
    if (!isTroubled) onFault(error);
    isTroubled = true;
  };
  const tell = async (machineIds: readonly string[]): Promise<void> => {
    const machines = await watchedMachines.findAll(machineIds);
    await limit.map(machines, (machine) => workflows.configure(machine));
  };
  do {
    try {
      const silent = await silence.judgeAll();
      isTroubled = false;
      if (silent.length > 0) tell(silent).catch(fault);
    } catch (error) {
      fault(error);
    }
  } while (await sleepUnless(signal, JUDGE_EVERY_MS));
}
