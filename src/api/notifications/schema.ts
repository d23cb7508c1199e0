import { z } from 'zod';
import { NOTIFICATION_STATUSES } from '../../db/repositories/notifications.ts';
import { SEVERITIES } from '../../domain/alert.ts';
import { MESSAGE_KINDS } from '../../domain/incidentMessage.ts';
import { pageFields, queryChoice, queryTime } from '../queryFields.ts';

const time = z.iso.datetime();

export const NotificationId = z.strictObject({ id: z.guid().toLowerCase() });

export const NotificationListQuery = z.strictObject({
  status: queryChoice(NOTIFICATION_STATUSES).optional(),
  incident_id: z.guid().toLowerCase().optional().describe('Of this incident.'),
  from: queryTime.optional().describe('First moment of the range in which they were created.'),
  to: queryTime.optional().describe('End of the range, itself excluded.'),
  ...pageFields({ defaultLimit: 1_000 }),
});

export const Notification = z
  .strictObject({
    id: z.guid(),
    client_id: z.guid(),
    incident_id: z.guid().nullable().describe('null for a test.'),
    alert_id: z.guid().nullable().describe('Where the incident has this one only.'),
    channel_id: z.guid().nullable().describe('null where it goes to what the settings name.'),
    provider: z.string().describe('The type of the channel.'),
    recipient: z.string().describe('Masked.'),
    event: z.enum(MESSAGE_KINDS).describe('Why it is sent.'),
    status: z.string().describe(`${NOTIFICATION_STATUSES.join(', ')}. Attempts go on while it is pending.`),
    severity: z.enum(SEVERITIES),
    message: z.string(),
    error_message: z.string().nullable().describe('Why the last attempt failed.'),
    provider_answer: z.string().nullable().describe('What the provider said to the last attempt.'),
    attempts: z.int(),
    is_possible_duplicate: z
      .boolean()
      .describe('It may have been sent before, and says so: an attempt never ended, or it was sent again.'),
    created_at: time,
    sent_at: time.nullable().describe('null until it was sent.'),
    next_attempt_at: time.nullable().describe('When it is tried again after an attempt that failed.'),
  })
  .meta({ id: 'Notification' });
