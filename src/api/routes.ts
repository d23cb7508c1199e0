import { alertRoutes } from './alerts/router.ts';
import { channelRoutes } from './channels/router.ts';
import type { ApiDependencies } from './dependencies.ts';
import { healthRoutes } from './health/router.ts';
import { httpTargetRoutes } from './httpTargets/router.ts';
import { httpTargetStatisticsRoutes } from './httpTargets/statistics.ts';
import { incidentRoutes } from './incidents/router.ts';
import { ingestRoutes } from './ingest/router.ts';
import { machineRoutes } from './machines/router.ts';
import { metricChangeRoutes } from './metrics/changes.ts';
import { metricRoutes } from './metrics/router.ts';
import { metricSampleRoutes } from './metrics/samples.ts';
import { notificationRoutes } from './notifications/router.ts';
import type { Route } from './route.ts';
import { settingsRoutes } from './settings/router.ts';

/** Every route of the API, in the order of the documentation. */
export function apiRoutes(deps: ApiDependencies): readonly Route[] {
  return [
    ...healthRoutes(deps),
    ...httpTargetRoutes(deps),
    ...httpTargetStatisticsRoutes(deps),
    ...ingestRoutes(deps),
    ...machineRoutes(deps),
    ...metricRoutes(deps),
    ...metricSampleRoutes(deps),
    ...metricChangeRoutes(deps),
    ...alertRoutes(deps),
    ...incidentRoutes(deps),
    ...notificationRoutes(deps),
    ...channelRoutes(deps),
    ...settingsRoutes(deps),
  ];
}
