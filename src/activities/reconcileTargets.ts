import type { TargetVersion, WatchedTargetRepository } from '../db/repositories/watchedTargets.ts';
import type { ReconcileInput, ReconcileReport } from './contracts.ts';
import {
  forEach,
  readRunning,
  reconcileMonitors,
  type Outcome,
  type ReconcilingDeps,
  type RunningMonitor,
} from './reconcileMonitors.ts';

/** A running workflow of a target, as a list shows it. */
export interface RunningTarget extends RunningMonitor {
  /** null, as the name, where the memo does not say. */
  readonly version: number | null;
  readonly name: string | null;
}

/** What reconcile needs of Temporal. */
export interface TargetWorkflowDirectory {
  listRunning(): AsyncIterable<RunningTarget>;
  /** Starts the workflow of a target. @returns false when it runs already */
  start(targetId: string): Promise<boolean>;
  /** Hands the schedule of this moment on. */
  configure(targetId: string): Promise<void>;
  retire(targetId: string): Promise<void>;
  /** Nobody serves the watch that the workflow may believe in; without one, it does nothing. */
  watchLost(targetId: string): Promise<void>;
}

interface ReconcileDeps extends ReconcilingDeps {
  readonly watchedTargets: WatchedTargetRepository;
  readonly workflows: TargetWorkflowDirectory;
}

const PAGE = 1_000;
/** Each steps for three checks before it is watched again: a whole table of watches that is gone must not be a storm. */
const MAX_LOST_WATCHES = 200;

/**
 * Brings the workflows of targets in line with their rows.
 *
 * Where a watch was lost without a trace (its worker died and its row is gone as well, as after a restore), the
 * workflow would wait for Temporal's own time limits: it is told.
 */
export async function reconcileTargets(deps: ReconcileDeps, input: ReconcileInput): Promise<ReconcileReport> {
  const { watchedTargets, workflows } = deps;
  const running = await readRunning(deps, workflows.listRunning());
  const told = await tellOfLostWatches(deps, running);
  const { rows, failed, ...reconciled } = await reconcileMonitors<TargetVersion, RunningTarget>(
    deps,
    {
      running,
      page: async (after) => {
        const { versions, lastKey } = await watchedTargets.page(after, PAGE);
        return { rows: versions, lastKey };
      },
      existence: (ids) => watchedTargets.versions(ids),
      bringInLine: (target, known) => bringInLine(workflows, target, known),
      retire: (id) => workflows.retire(id),
    },
    input,
  );
  const watchesLost = told.filter((outcome) => outcome === 'told').length;
  return { ...reconciled, targets: rows, watchesLost, failed: failed + told.length - watchesLost };
}

async function tellOfLostWatches(
  deps: ReconcileDeps,
  running: ReadonlyMap<string, RunningTarget>,
): Promise<('told' | 'failed')[]> {
  const unwatched = await deps.watchedTargets.unwatched(MAX_LOST_WATCHES);
  const waiting = unwatched.filter((id) => running.has(id)); // what does not run is started
  return forEach(
    deps,
    waiting.map((id) => ({ id })),
    async ({ id }) => {
      await deps.workflows.watchLost(id);
      return 'told' as const;
    },
  );
}

async function bringInLine(
  workflows: TargetWorkflowDirectory,
  target: TargetVersion,
  known: RunningTarget | undefined,
): Promise<Outcome> {
  if (known === undefined) return (await workflows.start(target.id)) ? 'started' : 'in line';
  const hasNews = known.version !== null && (known.version < target.version || known.name !== target.name);
  if (!hasNews) return 'in line';
  await workflows.configure(target.id);
  return 'configured';
}
