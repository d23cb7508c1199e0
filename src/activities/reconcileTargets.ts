import type { TargetVersion, WatchedTargetRepository } from '../db/repositories/watchedTargets.ts';
import type { ReconcileInput, ReconcileReport } from './contracts.ts';

/** A running workflow of a target, as a list shows it. */
export interface RunningTarget {
  readonly targetId: string;
  /** null where the memo does not say: not started by this product. */
  readonly installationId: string | null;
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

export interface ReconcileDeps {
  readonly watchedTargets: WatchedTargetRepository;
  readonly workflows: TargetWorkflowDirectory;
  readonly installationId: string;
  /** Called all the time; throws when the work is cancelled, or its time is over. */
  readonly progress: () => void;
  readonly onFault: (error: unknown, targetId: string) => void;
}

const PAGE = 1_000;
const AT_ONCE = 20;
/** More workflows without a row than this share of all look like the wrong database, not like deletions. */
const MAX_SHARE_OF_ORPHANS = 0.1;
/** Each steps for three checks before it is watched again: a whole table of watches that is gone must not be a storm. */
const MAX_LOST_WATCHES = 200;

/**
 * Compares every living target with every running workflow. Only workflows of this installation are ended:
 * those whose row says "deleted" always, those without any row only while they are few, for an empty or a
 * wrong database must not end everything. One target that cannot be brought in line keeps no other from it.
 *
 * Where a watch was lost without a trace (its worker died and its row is gone as well, as after a restore), the
 * workflow would wait for Temporal's own time limits: it is told.
 */
export async function reconcileTargets(
  deps: ReconcileDeps,
  { force }: ReconcileInput,
): Promise<ReconcileReport> {
  const running = await readRunning(deps);
  const report = {
    ...{ targets: 0, started: 0, configured: 0, retired: 0, watchesLost: 0 },
    ...{ refused: 0, failed: 0 },
  };
  const add = (outcomes: readonly Outcome[]): void => {
    for (const outcome of outcomes) if (outcome !== 'in line') report[outcome] += 1;
  };
  add(await tellOfLostWatches(deps, running));
  for await (const page of livingTargets(deps.watchedTargets)) {
    report.targets += page.length;
    add(await forEach(deps, page, (target) => bringInLine(deps, target, running.get(target.id))));
    for (const { id } of page) running.delete(id);
  }
  const { toEnd, refused } = await orphans(deps, [...running.keys()], report.targets, force);
  report.refused = refused;
  const retire = async (id: string) => {
    await deps.workflows.retire(id);
    return 'retired' as const;
  };
  add(await forEach(deps, toEnd, retire));
  return report;
}

async function tellOfLostWatches(
  deps: ReconcileDeps,
  running: ReadonlyMap<string, RunningTarget>,
): Promise<Outcome[]> {
  const unwatched = await deps.watchedTargets.unwatched(MAX_LOST_WATCHES);
  const waiting = unwatched.filter((id) => running.has(id)); // what does not run is started
  return forEach(deps, waiting, async (id) => {
    await deps.workflows.watchLost(id);
    return 'watchesLost' as const;
  });
}

type Outcome = 'started' | 'configured' | 'retired' | 'watchesLost' | 'in line' | 'failed';

async function bringInLine(
  deps: ReconcileDeps,
  target: TargetVersion,
  known: RunningTarget | undefined,
): Promise<'started' | 'configured' | 'in line'> {
  if (known === undefined) return (await deps.workflows.start(target.id)) ? 'started' : 'in line';
  const hasNews = known.version !== null && (known.version < target.version || known.name !== target.name);
  if (!hasNews) return 'in line';
  await deps.workflows.configure(target.id);
  return 'configured';
}

/** Some at once; a failure is told and counted. */
async function forEach<T extends string | TargetVersion, R>(
  deps: ReconcileDeps,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<(R | 'failed')[]> {
  const outcomes: (R | 'failed')[] = [];
  const attempt = async (item: T): Promise<R | 'failed'> => {
    try {
      return await work(item);
    } catch (error) {
      deps.onFault(error, typeof item === 'string' ? item : item.id);
      return 'failed';
    }
  };
  for (let index = 0; index < items.length; index += AT_ONCE) {
    deps.progress();
    outcomes.push(...(await Promise.all(items.slice(index, index + AT_ONCE).map(attempt))));
  }
  return outcomes;
}

async function readRunning(deps: ReconcileDeps): Promise<Map<string, RunningTarget>> {
  const running = new Map<string, RunningTarget>();
  for await (const target of deps.workflows.listRunning()) {
    if (target.installationId === deps.installationId) running.set(target.targetId, target);
    deps.progress();
  }
  return running;
}

async function* livingTargets(repository: WatchedTargetRepository): AsyncIterable<TargetVersion[]> {
  let after = 0;
  for (;;) {
    const { versions, lastKey } = await repository.page(after, PAGE);
    if (lastKey === null) return;
    yield versions;
    after = lastKey;
  }
}

async function orphans(
  deps: ReconcileDeps,
  candidates: readonly string[],
  targets: number,
  force: boolean,
): Promise<{ toEnd: readonly string[]; refused: number }> {
  if (candidates.length === 0) return { toEnd: [], refused: 0 };
  // Read again: a target may have been created since its page was read.
  const rows = new Map((await deps.watchedTargets.versions(candidates)).map((row) => [row.id, row]));
  const deleted = candidates.filter((id) => rows.get(id)?.isDeleted === true);
  const withoutRow = candidates.filter((id) => !rows.has(id));
  const tooMany = withoutRow.length > (targets + candidates.length) * MAX_SHARE_OF_ORPHANS;
  if (tooMany && !force) return { toEnd: deleted, refused: withoutRow.length };
  return { toEnd: [...deleted, ...withoutRow], refused: 0 };
}
