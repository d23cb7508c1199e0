import type { ListedMachine, WatchedMachineRepository } from '../db/repositories/watchedMachines.ts';
import type { SilenceRepository } from '../db/repositories/silence.ts';
import type { WatchedMachine } from '../domain/heartbeat.ts';
import type { HeartbeatSweepReport, ReconcileInput } from './contracts.ts';
import {
  readRunning,
  reconcileMonitors,
  type Outcome,
  type ReconcilingDeps,
  type RunningMonitor,
} from './reconcileMonitors.ts';

/** A running workflow of a machine, as a list shows it; null where it does not say. */
export interface RunningMachine extends RunningMonitor {
  readonly version: number | null;
  readonly hostname: string | null;
  readonly episode: number | null;
  /** `UP`, `DOWN`, `UNKNOWN` or `PAUSED`. */
  readonly status: string | null;
}

/** What the sweep needs of Temporal. */
export interface MachineWorkflowDirectory {
  listRunning(): AsyncIterable<RunningMachine>;
  /** Starts the workflow of a machine. @returns false when it runs already */
  start(machine: WatchedMachine): Promise<boolean>;
  configure(machine: WatchedMachine): Promise<void>;
  retire(machineId: string): Promise<void>;
}

interface SweepDeps extends ReconcilingDeps {
  readonly silence: Pick<SilenceRepository, 'judgeAll'>;
  readonly watchedMachines: WatchedMachineRepository;
  readonly workflows: MachineWorkflowDirectory;
}

const PAGE = 1_000;
/**
 * A workflow hears of a new status by its own timer, or from ingest: only who has not within this time is told, so that
 * thousands of machines that fall silent at once are not signalled as well.
 */
const HEARS_BY_ITSELF_WITHIN_MS = 60_000;

/**
 * Finds all machines that are silent, then brings the workflows of machines in line with their rows.
 *
 * @throws when Postgres does not answer
 */
export async function sweepHeartbeats(deps: SweepDeps, input: ReconcileInput): Promise<HeartbeatSweepReport> {
  const { watchedMachines, workflows } = deps;
  const { length: silent } = await deps.silence.judgeAll();
  const running = await readRunning(deps, workflows.listRunning());
  const { rows: machines, ...reconciled } = await reconcileMonitors(
    deps,
    {
      running,
      page: async (after) => {
        const { machines: listed, lastKey } = await watchedMachines.page(after, PAGE);
        return { rows: listed.map((machine) => ({ id: machine.machineId, machine })), lastKey };
      },
      existence: (ids) => watchedMachines.existence(ids),
      bringInLine: ({ machine }, known: RunningMachine | undefined) => bringInLine(workflows, machine, known),
      retire: (id) => workflows.retire(id),
    },
    input,
  );
  return { machines, silent, ...reconciled };
}

async function bringInLine(
  workflows: MachineWorkflowDirectory,
  machine: ListedMachine,
  known: RunningMachine | undefined,
): Promise<Outcome> {
  if (known === undefined) return (await workflows.start(machine)) ? 'started' : 'in line';
  if (!hasNewVersion(machine, known) && !hasMissedChange(machine, known)) return 'in line';
  await workflows.configure(machine);
  return 'configured';
}

function hasNewVersion({ schedule }: ListedMachine, { version, hostname }: RunningMachine): boolean {
  return version !== null && (version !== schedule.version || hostname !== schedule.hostname);
}

function hasMissedChange(
  { state, changedMsAgo }: ListedMachine,
  { status, episode }: RunningMachine,
): boolean {
  if (changedMsAgo === null || changedMsAgo < HEARS_BY_ITSELF_WITHIN_MS) return false;
  return status !== state.status.toUpperCase() || episode !== state.episode;
}
