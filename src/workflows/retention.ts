import { proxyActivities, setCurrentDetails, sleep } from '@temporalio/workflow';
import type { Dropped, RetentionReport, StorageActivities } from '../activities/contracts.ts';

const { dropExpired, reindexYesterday } = proxyActivities<StorageActivities>({
  startToCloseTimeout: '45m',
  heartbeatTimeout: '30s',
  retry: { maximumAttempts: 5, initialInterval: '10s', maximumInterval: '5m' },
});

/** A report that somebody reads, or a backup, may hold a table for a while. */
const MAX_TRIES = 5;

/** Drops checks, samples, rollups and what was known of metrics when they are too old, then builds yesterday's indexes anew. A Schedule starts it. */
export async function retention(): Promise<RetentionReport> {
  let expired = await dropExpired();
  for (let tries = 1; expired.busy > 0 && tries < MAX_TRIES; tries += 1) {
    setCurrentDetails(`${expired.busy} expired partitions are in use, trying again in a minute`);
    await sleep('1m');
    expired = add(expired, await dropExpired());
  }
  const report = { ...expired, ...(await reindexYesterday()) };
  setCurrentDetails(describe(report));
  return report;
}

/** What is left counts as the last try saw it. */
function add(before: Dropped, now: Dropped): Dropped {
  return {
    ...now,
    dropped: before.dropped + now.dropped,
    forgottenIngests: before.forgottenIngests + now.forgottenIngests,
    forgottenMachines: before.forgottenMachines + now.forgottenMachines,
    forgottenMetrics: before.forgottenMetrics + now.forgottenMetrics,
    forgottenTransitions: before.forgottenTransitions + now.forgottenTransitions,
    forgottenIncidents: before.forgottenIncidents + now.forgottenIncidents,
  };
}

function describe({
  dropped,
  unrolled,
  busy,
  forgottenIngests,
  forgottenMachines,
  forgottenMetrics,
  forgottenTransitions,
  forgottenIncidents,
  reindexed,
  refusal,
}: RetentionReport): string {
  const parts = [`dropped ${dropped} partitions`];
  if (forgottenIngests > 0) parts.push(`forgot ${forgottenIngests} ingest ids`);
  if (forgottenMachines > 0) parts.push(`forgot ${forgottenMachines} deleted machines`);
  if (forgottenMetrics > 0) parts.push(`forgot ${forgottenMetrics} metrics that no longer come`);
  if (forgottenTransitions > 0) parts.push(`forgot ${forgottenTransitions} transitions`);
  if (forgottenIncidents > 0) parts.push(`forgot ${forgottenIncidents} incidents`);
  if (unrolled > 0) parts.push(`KEPT ${unrolled} that are too old but not rolled up yet`);
  if (busy > 0) parts.push(`${busy} were in use: left for the next time`);
  if (refusal !== null) {
    parts.push(`NOT reindexed: ${refusal} (DATABASE_MIGRATION_URL names the role that owns the tables)`);
  } else parts.push(`reindexed ${reindexed.join(', ') || 'nothing'}`);
  return parts.join('; ');
}
