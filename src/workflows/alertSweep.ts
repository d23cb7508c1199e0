import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { AlertSweepActivities, AlertSweepReport } from '../activities/alerting/contracts.ts';

const { sweepAlerts } = proxyActivities<AlertSweepActivities>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '30s',
  retry: { maximumAttempts: 3, initialInterval: '2s' },
});

/**
 * Compares all alerts with what they are about, and starts the workflows that should tell of them: certificates come
 * nearer to their end without any check, and whatever was missed elsewhere is found here. A Schedule starts it.
 */
export async function alertSweep(): Promise<AlertSweepReport> {
  const report = await sweepAlerts();
  const { opened, changed, resolved, started } = report;
  setCurrentDetails(
    `Opened ${opened} alerts, changed ${changed}, resolved ${resolved}; started ${started} workflows that tell of them`,
  );
  return report;
}
