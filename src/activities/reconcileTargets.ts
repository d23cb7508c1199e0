import type { TargetVersion, WatchedTargetRepository } from '../db/repositories/watchedTargets.ts';
import type { ReconcileInput, ReconcileReport } from './contracts.ts';

/** A running workflow of a target, as a list shows it. */
export interface RunningTarget {
  readonly targetId: string;
  /** null where the memo does not say: not started by this product. */
  readonly installationId: string | null;
  readonly version: number | null;
}

/** What reconcile needs of Temporal. */
export interface TargetWorkflowDirectory {
  listRunning(): AsyncIterable<RunningTarget>;
  /** Starts the workflows of these targets; those that run already are left as they are. */
  startMissing(targetIds: readonly string[]): Promise<number>;
  /** Hands the schedule of this moment on. */
  configure(targetId: string): Promise<void>;
  retire(targetId: string): Promise<void>;
}

export interface ReconcileDeps {
  readonly watchedTargets: WatchedTargetRepository;
  readonly workflows: TargetWorkflowDirectory;
  readonly installationId: string;
  readonly heartbeat: () => void;
}

const PAGE = 1_000;
/** More workflows without a row than this share of all look like the wrong database, not like deletions. */
const MAX_SHARE_OF_ORPHANS = 0.1;

/**
 * Compares every living target with every running workflow. Only workflows of this installation are ended:
 * those whose row says "deleted" always, those without any row only while they are few, for an empty or a
 * wrong database must not end everything.
 */
export async function reconcileTargets(
  deps: ReconcileDeps,
  { force }: ReconcileInput,
): Promise<ReconcileReport> {
  const running = await readRunning(deps);
  const counts = { targets: 0, started: 0, configured: 0 };
  for await (const page of livingTargets(deps.watchedTargets)) {
    counts.targets += page.length;
    counts.started += await deps.workflows.startMissing(
      page.filter(({ id }) => !running.has(id)).map(({ id }) => id),
    );
    for (const { id, version } of page) {
      const known = running.get(id);
      running.delete(id);
      if (known?.version === undefined || known.version === null || known.version >= version) continue;
      await deps.workflows.configure(id);
      counts.configured += 1;
    }
    deps.heartbeat();
  }
  return { ...counts, ...(await endOrphans(deps, [...running.keys()], counts.targets, force)) };
}

async function readRunning(deps: ReconcileDeps): Promise<Map<string, RunningTarget>> {
  const running = new Map<string, RunningTarget>();
  for await (const target of deps.workflows.listRunning()) {
    if (target.installationId === deps.installationId) running.set(target.targetId, target);
    if (running.size % PAGE === 0) deps.heartbeat();
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

async function endOrphans(
  deps: ReconcileDeps,
  candidates: readonly string[],
  targets: number,
  force: boolean,
): Promise<Pick<ReconcileReport, 'retired' | 'refused'>> {
  if (candidates.length === 0) return { retired: 0, refused: 0 };
  // Read again: a target may have been created since its page was read.
  const rows = new Map((await deps.watchedTargets.versions(candidates)).map((row) => [row.id, row]));
  const deleted = candidates.filter((id) => rows.get(id)?.isDeleted === true);
  const withoutRow = candidates.filter((id) => !rows.has(id));
  const tooMany = withoutRow.length > (targets + candidates.length) * MAX_SHARE_OF_ORPHANS;
  const toEnd = tooMany && !force ? deleted : [...deleted, ...withoutRow];
  for (const id of toEnd) {
    await deps.workflows.retire(id);
    deps.heartbeat();
  }
  return { retired: toEnd.length, refused: deleted.length + withoutRow.length - toEnd.length };
}
