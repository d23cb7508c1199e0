import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { Activities, ReconcileInput, ReconcileReport } from '../activities/contracts.ts';

const { reconcileTargets, ensurePartitions } = proxyActivities<Activities>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '30s',
  retry: { maximumAttempts: 3, initialInterval: '2s' },
});

/**
 * Brings the running workflows in line with what Postgres says: starts what is missing, hands on changes
 * whose signal was lost, ends orphans. A Schedule starts it, so an outage of Temporal or of the API loses
 * nothing. At last it sees to the partitions of the days to come.
 */
export async function reconcile(input: ReconcileInput): Promise<ReconcileReport> {
  const report = await reconcileTargets(input);
  setCurrentDetails(describe(report));
  await ensurePartitions();
  return report;
}

function describe(report: ReconcileReport): string {
  const { targets, started, configured, retired, watchesLost, failed, refused } = report;
  const done = `${targets} targets: started ${started}, configured ${configured}, retired ${retired}, watches lost ${watchesLost}`;
  const parts = [failed === 0 ? done : `${done}, FAILED for ${failed} (see the worker's log)`];
  if (refused > 0) {
    parts.push(
      `REFUSED to end ${refused} workflows without a row: is this the right database? (make reconcile FORCE=1)`,
    );
  }
  return parts.join('; ');
}
