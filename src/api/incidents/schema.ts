import { z } from 'zod';
import { ALERT_SOURCES, SEVERITIES } from '../../domain/alert.ts';
import { Alert, noteField } from '../alerts/schema.ts';
import { pageFields, queryChoice, queryTime } from '../queryFields.ts';

const STATUSES = ['OPEN', 'RESOLVED'] as const;
/** Of an incident's alerts and of its timeline, in one answer. */
export const MAX_SHOWN = 1_000;

const time = z.iso.datetime();

export const IncidentId = z.strictObject({ id: z.guid().toLowerCase() });

export const IncidentListQuery = z.strictObject({
  status: queryChoice(STATUSES).optional(),
  severity: queryChoice(SEVERITIES).optional(),
  from: queryTime.optional().describe('First moment of the range in which they were opened.'),
  to: queryTime.optional().describe('End of the range, itself excluded.'),
  ...pageFields({ defaultLimit: 100 }),
});

export const Incident = z
  .strictObject({
    id: z.guid(),
    incident_number: z.int().describe('Counts from 1; what messages call it by.'),
    title: z.string(),
    description: z.string().describe('How it stands, in words.'),
    status: z.enum(STATUSES),
    severity: z.enum(SEVERITIES).describe('The worst of its open alerts; of all, where none is open.'),
    type: z.enum([...ALERT_SOURCES, 'mixed']).describe('What its alerts are about.'),
    is_flapping: z
      .boolean()
      .describe('It failed again and again: it stays open until nothing has changed for an hour.'),
    alerts_count: z.int().describe('All of them, also those that are resolved.'),
    http_target_id: z.guid().nullable().describe('Where all its alerts are about this one.'),
    machine_id: z.guid().nullable(),
    metric_instance_id: z.guid().nullable(),
    created_at: time.describe('When its first alert was triggered.'),
    acknowledged_at: time.nullable().describe('Set while each of its open alerts is acknowledged.'),
    resolved_at: time.nullable(),
  })
  .meta({ id: 'Incident' });

export const TimelineEvent = z
  .strictObject({
    at: time,
    kind: z
      .string()
      .describe(
        'opened, alert, severity, acknowledged, note, notification, alert_resolved, resolved, reopened, flapping',
      ),
    text: z.string(),
    actor: z.string().nullable().describe('Who did it; null for what happened by itself.'),
  })
  .meta({ id: 'TimelineEvent' });

export const IncidentDetail = z
  .strictObject({
    ...Incident.shape,
    alerts: Alert.array().describe(
      `Those that are open first, then the newest, ${MAX_SHOWN} at most: GET /alerts?incident_id= has them all.`,
    ),
    timeline: TimelineEvent.array().describe(`In the order of time; the last ${MAX_SHOWN}.`),
    timeline_count: z.int().describe('How many there are in all.'),
  })
  .meta({ id: 'IncidentDetail' });

export const NoteBody = z.strictObject({ text: noteField }).meta({ id: 'IncidentNote' });
