import type { z } from 'zod';
import { alertUrl, type RunLocation } from '../../../temporal/names.ts';
import type { Alert as StoredAlert } from '../../db/repositories/alertRow.ts';
import type { Alert } from './schema.ts';

const STATUSES = { firing: 'FIRING', acknowledged: 'ACKNOWLEDGED', resolved: 'RESOLVED' } as const;

export function presentAlert(alert: StoredAlert, runs: RunLocation): z.output<typeof Alert> {
  return {
    id: alert.id,
    source: alert.source,
    status: STATUSES[alert.status],
    severity: alert.severity,
    message: alert.message,
    details: { ...alert.details },
    http_target_id: alert.httpTargetId,
    machine_id: alert.machineId,
    metric_instance_id: alert.metricInstanceId,
    machine: alert.hostname === null ? null : { hostname: alert.hostname },
    incident_id: alert.incidentId,
    triggered_at: alert.triggeredAt.toISOString(),
    acknowledged_at: alert.acknowledgedAt?.toISOString() ?? null,
    acknowledged_by: alert.acknowledgedBy,
    acknowledgement_note: alert.acknowledgementNote,
    acknowledgement_expires_at: alert.acknowledgementExpiresAt?.toISOString() ?? null,
    resolved_at: alert.resolvedAt?.toISOString() ?? null,
    resolved_by: alert.resolvedBy,
    resolution: alert.resolution,
    temporal_url: alertUrl(alert, runs),
  };
}
