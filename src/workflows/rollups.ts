import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { RollupReport, StorageActivities } from '../activities/contracts.ts';

const { rollUpChecks } = proxyActivities<StorageActivities>({
  startToCloseTimeout: '2h',
  heartbeatTimeout: '30s',
  // Each try goes on where the last one stopped.
  retry: { maximumAttempts: 10, initialInterval: '5s', maximumInterval: '5m' },
});

/** Rolls up the checks of the hours that are over. A Schedule starts it; what it misses it does the next time. */
export async function rollups(): Promise<RollupReport> {
  const report = await rollUpChecks();
  setCurrentDetails(describe(report));
  return report;
}

function describe({ hours, targets, lateHours, completeUntil }: RollupReport): string {
  const until = `${new Date(completeUntil).toISOString().slice(0, 16)}Z`;
  return `rolled up ${hours} hours of ${targets} targets, ${lateHours} late hours; complete until ${until}`;
}
