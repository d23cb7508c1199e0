import { proxyActivities, setCurrentDetails, sleep } from '@temporalio/workflow';
import type { RetentionReport, StorageActivities } from '../activities/contracts.ts';

const { dropExpired, reindexYesterday } = proxyActivities<StorageActivities>({
  startToCloseTimeout: '45m',
  heartbeatTimeout: '30s',
  retry: { maximumAttempts: 5, initialInterval: '10s', maximumInterval: '5m' },
});

/** A report that somebody reads, or a backup, may hold a table for a while. */
const MAX_TRIES = 5;

/** Drops checks, samples and rollups that are too old, then builds yesterday's indexes anew. A Schedule starts it. */
export async function retention(): Promise<RetentionReport> {
  let expired = await dropExpired();
  let { dropped, forgottenIngests } = expired;
  for (let tries = 1; expired.busy > 0 && tries < MAX_TRIES; tries += 1) {
    setCurrentDetails(`${expired.busy} expired partitions are in use, trying again in a minute`);
    await sleep('1m');
    expired = await dropExpired();
    dropped += expired.dropped;
    forgottenIngests += expired.forgottenIngests;
  }
  const report = { ...expired, dropped, forgottenIngests, ...(await reindexYesterday()) };
  setCurrentDetails(describe(report));
  return report;
}

function describe({
  dropped,
  unrolled,
  busy,
  forgottenIngests,
  reindexed,
  refusal,
}: RetentionReport): string {
  const parts = [`dropped ${dropped} partitions`];
  if (forgottenIngests > 0) parts.push(`forgot ${forgottenIngests} ingest ids`);
  if (unrolled > 0) parts.push(`KEPT ${unrolled} that are too old but not rolled up yet`);
  if (busy > 0) parts.push(`${busy} were in use: left for the next time`);
  if (refusal !== null) {
    parts.push(`NOT reindexed: ${refusal} (DATABASE_MIGRATION_URL names the role that owns the tables)`);
  } else parts.push(`reindexed ${reindexed.join(', ') || 'nothing'}`);
  return parts.join('; ');
}
