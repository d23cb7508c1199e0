import { reindexPartitions } from '../db/reindexPartitions.ts';
import type { OldAlerts } from '../db/repositories/oldAlerts.ts';
import type { OldIngests } from '../db/repositories/oldIngests.ts';
import type { OldMetrics } from '../db/repositories/oldMetrics.ts';
import type { PartitionRepository, RetentionDays } from '../db/repositories/partitions.ts';
import type { Rollups } from '../db/repositories/rollups.ts';
import type { Clock } from '../domain/clock.ts';
import { beating, progress } from './beating.ts';
import type { StorageActivities } from './contracts.ts';
import { dropExpired } from './dropExpired.ts';
import { rollUp } from './rollUp.ts';

interface StorageActivityDeps {
  /** None of these on a pool that rows are recorded with: a statement may take minutes. */
  readonly checkRollups: Rollups;
  readonly sampleRollups: Rollups;
  readonly partitions: PartitionRepository;
  readonly oldIngests: OldIngests;
  readonly oldMetrics: OldMetrics;
  readonly oldAlerts: OldAlerts;
  /** Address of the database for a role that owns the tables. */
  readonly ownerUrl: string;
  readonly retentionDays: RetentionDays;
  readonly clock: Clock;
}

const DAY_MS = 86_400_000;

/** What keeps the stored checks and samples small and quick to read; part of what the workers do. */
export function createStorageActivities(deps: StorageActivityDeps): StorageActivities {
  return {
    rollUpChecks: () => beating(() => rollUp({ ...deps, rollups: deps.checkRollups, progress })),
    rollUpSamples: () => beating(() => rollUp({ ...deps, rollups: deps.sampleRollups, progress })),
    dropExpired: () => beating(() => dropExpired({ ...deps, progress })),
    reindexYesterday: () =>
      beating(() => {
        const day = new Date(deps.clock.now() - DAY_MS).toISOString().slice(0, 10);
        return reindexPartitions({ url: deps.ownerUrl, day });
      }),
  };
}
