import { z } from 'zod';
import { ALERT_SOURCES, SEVERITIES } from '../../domain/alert.ts';
import { pageFields, queryChoice, queryTime } from '../queryFields.ts';
import { customIssue } from '../zodIssues.ts';

const STATUSES = ['FIRING', 'ACKNOWLEDGED', 'RESOLVED'] as const;
const MAX_NOTE = 2_000;
/** A year and a day: whoever means for good says nothing. */
const MAX_EXPIRY_MS = 366 * 86_400_000;

const time = z.iso.datetime();
const nullableTime = time.nullable();
const id = z.guid().toLowerCase();

export const AlertId = z.strictObject({ id });

export const AlertListQuery = z.strictObject({
  status: queryChoice(STATUSES).optional(),
  severity: queryChoice(SEVERITIES).optional(),
  source: queryChoice(ALERT_SOURCES).optional(),
  http_target_id: id.optional().describe('About this target or its certificate.'),
  machine_id: id.optional().describe('About this machine or one of its metrics.'),
  incident_id: id.optional().describe('Of this incident.'),
  from: queryTime.optional().describe('First moment of the range in which they were triggered.'),
  to: queryTime.optional().describe('End of the range, itself excluded.'),
  ...pageFields({ defaultLimit: 100 }),
});

/** What people write: may have lines, and no other control characters. */
export const noteField = z
  .string()
  .trim()
  .min(1)
  .max(MAX_NOTE)
  .regex(/^[^\p{Cc}]*(?:[\n\r\t][^\p{Cc}]*)*$/u, 'Text should have no control characters');

/** @param now UTC milliseconds */
export function acknowledgementBody(now: () => number) {
  const expiresAt = queryTime.superRefine((at, context) => {
    const fromNow = at.getTime() - now();
    if (fromNow <= 0) {
      context.addIssue(customIssue('datetime_future', 'Input should be in the future, or left out'));
    } else if (fromNow > MAX_EXPIRY_MS) {
      context.addIssue(customIssue('datetime_future', 'Input should be within a year, or left out'));
    }
  });
  return z
    .strictObject({
      note: noteField.nullable().describe('Why, for the timeline.'),
      expires_at: expiresAt
        .nullable()
        .describe('The alert fires again, and people hear of it, when it is not over by then.'),
    })
    .partial()
    .meta({ id: 'Acknowledgement' });
}

export const ResolutionBody = z
  .strictObject({ note: noteField.nullable().describe('Why, for the timeline.') })
  .partial()
  .meta({ id: 'Resolution' });

export const Alert = z
  .strictObject({
    id: z.guid(),
    source: z.enum(ALERT_SOURCES),
    status: z.enum(STATUSES),
    severity: z.enum(SEVERITIES),
    message: z.string().describe('What is wrong and why, in words.'),
    details: z
      .record(z.string(), z.unknown())
      .describe('What the words are made of: failure_class, status_code, response_time_ms, value …'),
    http_target_id: z.guid().nullable(),
    machine_id: z.guid().nullable(),
    metric_instance_id: z.guid().nullable(),
    machine: z.strictObject({ hostname: z.string() }).nullable(),
    incident_id: z.guid().nullable().describe('null for the moment until it is grouped.'),
    triggered_at: time,
    acknowledged_at: nullableTime,
    acknowledged_by: z.string().nullable().describe('The name of the key that was used.'),
    acknowledgement_note: z.string().nullable(),
    acknowledgement_expires_at: nullableTime,
    resolved_at: nullableTime,
    resolved_by: z.string().nullable().describe('null where it was over by itself.'),
    resolution: z.string().nullable().describe('Why it is over.'),
    temporal_url: z.string().nullable().describe('The run of the monitor in the Temporal UI.'),
  })
  .meta({ id: 'Alert' });
