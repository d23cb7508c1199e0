import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { HeartbeatActivities, HeartbeatSweepReport, ReconcileInput } from '../activities/contracts.ts';

const { sweepHeartbeats } = proxyActivities<HeartbeatActivities>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '30s',
  retry: { maximumAttempts: 3, initialInterval: '2s' },
});

/**
 * Finds all machines that are silent, then brings their workflows in line with what Postgres says: starts what is
 * missing, tells what they have not heard, ends orphans. A Schedule starts it, and the API after a change that concerns
 * many machines.
 */
export async function heartbeatSweep(input: ReconcileInput): Promise<HeartbeatSweepReport> {
  const report = await sweepHeartbeats(input);
  setCurrentDetails(describe(report));
  return report;
}

function describe(report: HeartbeatSweepReport): string {
  const { machines, silent, started, configured, retired, failed, refused } = report;
  const done = `${machines} machines: ${silent} fell silent, started ${started}, told ${configured}, retired ${retired}`;
  const parts = [failed === 0 ? done : `${done}, FAILED for ${failed} (see the worker's log)`];
  if (refused > 0) {
    parts.push(
      `REFUSED to end ${refused} workflows without a row: is this the right database? (make reconcile FORCE=1)`,
    );
  }
  return parts.join('; ');
}
