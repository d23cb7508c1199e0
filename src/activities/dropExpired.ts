import type { OldAlerts } from '../db/repositories/oldAlerts.ts';
import type { OldIngests } from '../db/repositories/oldIngests.ts';
import type { OldMetrics } from '../db/repositories/oldMetrics.ts';
import type { PartitionRepository, RetentionDays } from '../db/repositories/partitions.ts';
import type { Clock } from '../domain/clock.ts';
import type { Dropped } from './contracts.ts';
import { forgetAlerts } from './forgetAlerts.ts';
import { forgetMetrics } from './forgetMetrics.ts';

interface RetainDeps {
  readonly partitions: PartitionRepository;
  readonly oldIngests: OldIngests;
  readonly oldMetrics: OldMetrics;
  readonly oldAlerts: OldAlerts;
  readonly clock: Clock;
  readonly retentionDays: RetentionDays;
  readonly progress: () => void;
}

/** Nobody sends the same again after a week. */
const INGESTS_KEPT_MS = 7 * 86_400_000;

/** Drops what is too old. What is in use, or not rolled up yet, is left for the next time. */
export async function dropExpired(deps: RetainDeps): Promise<Dropped> {
  const report = { dropped: 0, unrolled: 0, busy: 0 };
  for (const partition of await deps.partitions.expired(deps.clock.now(), deps.retentionDays)) {
    report[await deps.partitions.drop(partition)] += 1;
    deps.progress();
  }
  const forgottenIngests = await forgetIngests(deps);
  const forgottenMetrics = await forgetMetrics(deps);
  return { ...report, forgottenIngests, ...forgottenMetrics, forgottenIncidents: await forgetAlerts(deps) };
}

async function forgetIngests({ oldIngests, clock, progress }: RetainDeps): Promise<number> {
  const before = clock.now() - INGESTS_KEPT_MS;
  let forgotten = 0;
  for (let from: number | null = null; ;) {
    const done = await oldIngests.deleteSome(before, from);
    progress();
    if (done === null) return forgotten;
    forgotten += done.deleted;
    from = done.until;
  }
}
