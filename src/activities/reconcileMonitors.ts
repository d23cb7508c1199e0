/** A running workflow, as a list shows it. */
export interface RunningMonitor {
  readonly id: string;
  /** null where the memo does not say: not started by this product. */
  readonly installationId: string | null;
}

interface MonitorRow {
  readonly id: string;
}

/** What became of one monitor. */
export type Outcome = 'started' | 'configured' | 'in line';

/** What any reconciliation needs. */
export interface ReconcilingDeps {
  readonly installationId: string;
  /** Called all the time; throws when the work is cancelled, or its time is over. */
  readonly progress: () => void;
  readonly onFault: (error: unknown, id: string) => void;
}

/** Rows and workflows of one kind. */
interface ReconciledKind<Row extends MonitorRow, Running extends RunningMonitor> {
  /** By id, of this installation alone; see `readRunning`. */
  readonly running: ReadonlyMap<string, Running>;
  /** Living rows in order of key; `after` is the last key of the page before, null when there is none. */
  readonly page: (after: number) => Promise<{ rows: readonly Row[]; lastKey: number | null }>;
  /** The rows of these ids as they are now, deleted ones included; ids without a row are absent. */
  readonly existence: (ids: readonly string[]) => Promise<readonly (MonitorRow & { isDeleted: boolean })[]>;
  readonly bringInLine: (row: Row, running: Running | undefined) => Promise<Outcome>;
  readonly retire: (id: string) => Promise<void>;
}

interface ReconciledMonitors {
  readonly rows: number;
  readonly started: number;
  readonly configured: number;
  readonly retired: number;
  readonly failed: number;
  readonly refused: number;
}

const AT_ONCE = 20;
/** More workflows without a row than this share of all look like the wrong database, not like deletions. */
const MAX_SHARE_OF_ORPHANS = 0.1;

/**
 * Compares every living row with every running workflow of its kind. Only workflows of this installation are ended:
 * those whose row says "deleted" always, those without any row only while they are few, for an empty or a wrong
 * database must not end everything. One monitor that cannot be brought in line keeps no other from it.
 */
export async function reconcileMonitors<Row extends MonitorRow, Running extends RunningMonitor>(
  deps: ReconcilingDeps,
  kind: ReconciledKind<Row, Running>,
  { force }: { readonly force: boolean },
): Promise<ReconciledMonitors> {
  const counts = { rows: 0, started: 0, configured: 0, retired: 0, failed: 0 };
  const add = (outcomes: readonly (Outcome | 'retired' | 'failed')[]): void => {
    for (const outcome of outcomes) if (outcome !== 'in line') counts[outcome] += 1;
  };
  const unseen = new Set(kind.running.keys());
  for await (const rows of allPages(kind)) {
    counts.rows += rows.length;
    add(await forEach(deps, rows, (row) => kind.bringInLine(row, kind.running.get(row.id))));
    for (const { id } of rows) unseen.delete(id);
  }
  const { toEnd, refused } = await orphans(kind, [...unseen], counts.rows, force);
  const retire = async ({ id }: MonitorRow) => {
    await kind.retire(id);
    return 'retired' as const;
  };
  add(await forEach(deps, toEnd, retire));
  return { ...counts, refused };
}

/** The workflows of this installation by id. */
export async function readRunning<Running extends RunningMonitor>(
  { installationId, progress }: ReconcilingDeps,
  listed: AsyncIterable<Running>,
): Promise<ReadonlyMap<string, Running>> {
  const running = new Map<string, Running>();
  for await (const monitor of listed) {
    if (monitor.installationId === installationId) running.set(monitor.id, monitor);
    progress();
  }
  return running;
}

/** Some at once; a failure is told and counted. */
export async function forEach<T extends MonitorRow, R>(
  { progress, onFault }: ReconcilingDeps,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<(R | 'failed')[]> {
  const outcomes: (R | 'failed')[] = [];
  const attempt = async (item: T): Promise<R | 'failed'> => {
    try {
      return await work(item);
    } catch (error) {
      onFault(error, item.id);
      return 'failed';
    }
  };
  for (let index = 0; index < items.length; index += AT_ONCE) {
    progress();
    outcomes.push(...(await Promise.all(items.slice(index, index + AT_ONCE).map(attempt))));
  }
  return outcomes;
}

async function* allPages<Row extends MonitorRow>({
  page,
}: Pick<ReconciledKind<Row, RunningMonitor>, 'page'>): AsyncIterable<readonly Row[]> {
  let after = 0;
  for (;;) {
    const { rows, lastKey } = await page(after);
    if (lastKey === null) return;
    yield rows;
    after = lastKey;
  }
}

async function orphans(
  { existence }: Pick<ReconciledKind<MonitorRow, RunningMonitor>, 'existence'>,
  candidates: readonly string[],
  living: number,
  force: boolean,
): Promise<{ toEnd: readonly MonitorRow[]; refused: number }> {
  if (candidates.length === 0) return { toEnd: [], refused: 0 };
  // Read again: one may have been created since its page was read.
  const rows = new Map((await existence(candidates)).map((row) => [row.id, row]));
  const all = candidates.map((id) => ({ id }));
  const deleted = all.filter(({ id }) => rows.get(id)?.isDeleted === true);
  const withoutRow = all.filter(({ id }) => !rows.has(id));
  const tooMany = withoutRow.length > (living + candidates.length) * MAX_SHARE_OF_ORPHANS;
  if (tooMany && !force) return { toEnd: deleted, refused: withoutRow.length };
  return { toEnd: [...deleted, ...withoutRow], refused: 0 };
}
