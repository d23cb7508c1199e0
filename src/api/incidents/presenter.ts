import type { z } from 'zod';
import type { RunLocation } from '../../../temporal/names.ts';
import type { Alert } from '../../db/repositories/alertRow.ts';
import type {
  Incident as StoredIncident,
  TimelineEvent as StoredEvent,
} from '../../db/repositories/incidents.ts';
import { describeIncident } from '../../domain/incidentWords.ts';
import { presentAlert } from '../alerts/presenter.ts';
import type { Incident, IncidentDetail, TimelineEvent } from './schema.ts';

const STATUSES = { open: 'OPEN', resolved: 'RESOLVED' } as const;

export function presentIncident(incident: StoredIncident): z.output<typeof Incident> {
  return {
    id: incident.id,
    incident_number: incident.number,
    title: incident.title,
    description: describeIncident({ ...incident, isAcknowledged: incident.acknowledgedAt !== null }),
    status: STATUSES[incident.status],
    severity: incident.severity,
    type: incident.type,
    is_flapping: incident.isFlapping,
    alerts_count: incident.alertsCount,
    http_target_id: incident.httpTargetId,
    machine_id: incident.machineId,
    metric_instance_id: incident.metricInstanceId,
    created_at: incident.openedAt.toISOString(),
    acknowledged_at: incident.acknowledgedAt?.toISOString() ?? null,
    resolved_at: incident.resolvedAt?.toISOString() ?? null,
  };
}

export function presentIncidentDetail(
  incident: StoredIncident,
  alerts: readonly Alert[],
  timeline: { readonly events: readonly StoredEvent[]; readonly total: number },
  runs: RunLocation,
): z.output<typeof IncidentDetail> {
  return {
    ...presentIncident(incident),
    alerts: alerts.map((alert) => presentAlert(alert, runs)),
    timeline: timeline.events.map(presentTimelineEvent),
    timeline_count: timeline.total,
  };
}

export function presentTimelineEvent({ at, ...event }: StoredEvent): z.output<typeof TimelineEvent> {
  return { at: at.toISOString(), kind: event.kind, text: event.text, actor: event.actor };
}
