import { patched, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { RollupReport, StorageActivities } from '../activities/contracts.ts';

const { rollUpChecks, rollUpSamples } = proxyActivities<StorageActivities>({
  startToCloseTimeout: '2h',
  heartbeatTimeout: '30s',
  // Each try goes on where the last one stopped.
  retry: { maximumAttempts: 10, initialInterval: '5s', maximumInterval: '5m' },
});

interface RollupsReport {
  readonly checks: RollupReport;
  /** Null in a run of before there were any. */
  readonly samples: RollupReport | null;
}

/** Rolls up the hours that are over: checks, then samples. A Schedule starts it; what it misses it does the next time. */
export async function rollups(): Promise<RollupsReport> {
  const checks = await rollUpChecks();
  setCurrentDetails(describe(checks, 'targets'));
  if (!patched('samples')) return { checks, samples: null };
  const samples = await rollUpSamples();
  setCurrentDetails(`${describe(checks, 'targets')}; ${describe(samples, 'metrics')}`);
  return { checks, samples };
}

function describe({ hours, rows, lateHours, completeUntil }: RollupReport, what: string): string {
  const until = `${new Date(completeUntil).toISOString().slice(0, 16)}Z`;
  return `rolled up ${hours} hours of ${rows} ${what}, ${lateHours} late hours; complete until ${until}`;
}
