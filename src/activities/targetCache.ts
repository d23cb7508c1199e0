import { LRUCache } from 'lru-cache';
import type { Target } from '../db/repositories/httpTargetRow.ts';
import type { WatchedTargetRepository } from '../db/repositories/watchedTargets.ts';

/** Enough for the targets of one worker; a target with headers takes about 2 KB. */
const MAX_CACHED_TARGETS = 50_000;

type LoadedTarget =
  | { readonly kind: 'loaded'; readonly target: Target }
  | { readonly kind: 'superseded'; readonly version: number }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'unknown' };

/**
 * What a check needs of its target: URL, headers, body. Cached by version, so that checks go on while
 * Postgres is away.
 */
export class TargetCache {
  private readonly repository: Pick<WatchedTargetRepository, 'lookUp'>;
  private readonly targets = new LRUCache<string, Target>({ max: MAX_CACHED_TARGETS });

  constructor(repository: Pick<WatchedTargetRepository, 'lookUp'>) {
    this.repository = repository;
  }

  /** Keeps what was read for another reason. */
  remember(target: Target): void {
    this.targets.set(target.id, target);
  }

  /** @throws when the target is not cached and the database does not give it */
  async load(id: string, version: number): Promise<LoadedTarget> {
    const cached = this.targets.get(id);
    if (cached?.version === version) return { kind: 'loaded', target: cached };
    const found = await this.repository.lookUp(id);
    if (found.kind !== 'found') {
      this.targets.delete(id);
      return found;
    }
    const { target } = found;
    this.targets.set(id, target);
    return target.version === version
      ? { kind: 'loaded', target }
      : { kind: 'superseded', version: target.version };
  }
}
