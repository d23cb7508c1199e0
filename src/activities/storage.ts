import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { reindexPartitions } from '../db/reindexPartitions.ts';
import type { CheckPartitions } from '../db/repositories/checkPartitions.ts';
import type { CheckRollups } from '../db/repositories/checkRollups.ts';
import type { Clock } from '../domain/clock.ts';
import type { StorageActivities } from './contracts.ts';
import { dropExpired } from './retainChecks.ts';
import { rollUpChecks } from './rollUpChecks.ts';

export interface StorageActivityDeps {
  /** Not on a pool that checks are recorded with: a statement may take minutes. */
  readonly rollups: CheckRollups;
  readonly partitions: CheckPartitions;
  /** Address of the database for a role that owns the tables. */
  readonly ownerUrl: string;
  /** How many days of checks are kept. */
  readonly retentionChecksDays: number;
  readonly clock: Clock;
}

const DAY_MS = 86_400_000;
const HEARTBEAT_MS = 5_000;

/** What keeps the stored checks small and quick to read; part of what the workers do. */
export function createStorageActivities(deps: StorageActivityDeps): StorageActivities {
  return {
    rollUpChecks: () => beating(() => rollUpChecks({ ...deps, progress })),
    dropExpired: () => beating(() => dropExpired({ ...deps, progress })),
    reindexYesterday: () =>
      beating(() => {
        const day = new Date(deps.clock.now() - DAY_MS).toISOString().slice(0, 10);
        return reindexPartitions({ url: deps.ownerUrl, day });
      }),
  };
}

/** One statement may take longer than a heartbeat may. */
async function beating<T>(work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** @throws when the activity is cancelled, or its worker shuts down */
function progress(): void {
  cancellationSignal().throwIfAborted();
}
