import { ALERT_SOURCES, type AlertSource } from '../../domain/alert.ts';
import type { AlertNewsRepository } from '../../db/repositories/alerting/alertNews.ts';
import type { AlertSyncRepository } from '../../db/repositories/alerting/syncAlerts.ts';
import { beating, progress } from '../beating.ts';
import type { AlertSweepActivities, AlertSweepReport } from './contracts.ts';
import type { NotificationWorkflows } from './tellAlertNews.ts';

export interface SweepAlertsDeps {
  readonly alerts: Pick<AlertSyncRepository, 'sync'>;
  readonly news: Pick<AlertNewsRepository, 'clientsAtWork'>;
  readonly workflows: Pick<NotificationWorkflows, 'start'>;
}

/** What compares alerts with what they are about. */
export function createAlertSweepActivities(deps: SweepAlertsDeps): AlertSweepActivities {
  return { sweepAlerts: () => beating(() => sweepAlerts(deps, progress)) };
}

async function sweepAlerts(
  { alerts, news, workflows }: SweepAlertsDeps,
  onProgress: () => void,
): Promise<AlertSweepReport> {
  const report = { opened: 0, changed: 0, resolved: 0, started: 0 };
  for (const source of ALERT_SOURCES satisfies readonly AlertSource[]) {
    const { opened, changed, resolved } = await alerts.sync(source);
    report.opened += opened;
    report.changed += changed;
    report.resolved += resolved;
    onProgress();
  }
  for (const clientId of await news.clientsAtWork()) {
    if (await workflows.start(clientId)) report.started += 1;
    onProgress();
  }
  return report;
}
