import type { CheckResult } from '../../domain/check.ts';
import { sleepUnless } from '../../net/abortable.ts';
import type { Recorder } from '../recorder.ts';
import type { Watch } from './watch.ts';

interface LeftBehindDeps {
  readonly recorder: Pick<Recorder, 'record'>;
  readonly onFault: (error: unknown, targetId: string) => void;
}

/** With Postgres away, what it has not taken is offered again this often. */
export const OFFER_AGAIN_MS = 10_000;

/**
 * Stores what watches saw that are no longer this worker's, and that neither Postgres nor a workflow has yet. Whoever
 * has the target now decides without it; it is history all the same.
 */
export class LeftBehind {
  private readonly deps: LeftBehindDeps;
  private readonly stopping = new AbortController();
  private readonly storing = new Set<Promise<void>>();

  constructor(deps: LeftBehindDeps) {
    this.deps = deps;
  }

  /** Takes over what a watch has in its backlog. */
  take(watch: Watch): void {
    if (watch.backlog.length === 0) return;
    const results = watch.backlog.map(({ result }) => result);
    watch.taken(results);
    const stored = this.store(watch.start.targetId, results).finally(() => this.storing.delete(stored));
    this.storing.add(stored);
  }

  /** What Postgres does not take now is lost. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.storing);
  }

  private async store(targetId: string, results: readonly CheckResult[]): Promise<void> {
    let left = results;
    do {
      const answers = await Promise.all(left.map((result) => this.offer(targetId, result)));
      left = left.filter((_result, index) => answers[index] === null);
      if (left.length === 0) return;
    } while (await sleepUnless(this.stopping.signal, OFFER_AGAIN_MS));
    this.deps.onFault(new Error(`${left.length} results of a watch were lost`), targetId);
  }

  private offer(targetId: string, result: CheckResult) {
    return this.deps.recorder.record({ targetId, result, version: null, watch: 'beside', decide: null });
  }
}
