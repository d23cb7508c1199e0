import type { CheckPartitions } from '../db/repositories/checkPartitions.ts';
import type { Clock } from '../domain/clock.ts';
import type { DroppedPartitions } from './contracts.ts';

export interface RetainDeps {
  readonly partitions: CheckPartitions;
  readonly clock: Clock;
  readonly retentionChecksDays: number;
  readonly progress: () => void;
}

/** Drops what is too old. What is in use, or not rolled up yet, is left for the next time. */
export async function dropExpired(deps: RetainDeps): Promise<DroppedPartitions> {
  const report = { dropped: 0, unrolled: 0, busy: 0 };
  for (const partition of await deps.partitions.expired(deps.clock.now(), deps.retentionChecksDays)) {
    report[await deps.partitions.drop(partition)] += 1;
    deps.progress();
  }
  return report;
}
