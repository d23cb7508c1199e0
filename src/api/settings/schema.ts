import { z } from 'zod';

const email = z.email().max(254);
const heartbeatThreshold = z.int().min(1).max(1_440);
const failuresThreshold = z.int().min(1).max(100);

export const Settings = z
  .strictObject({
    notification_email: z.string().nullable().describe('Where alerts go; null sends no mail.'),
    heartbeat_threshold_minutes: z.int().describe('A machine that was silent for so long is down.'),
    consecutive_failures_threshold: z.int().describe('A target is down after so many failures in a row.'),
    alert_grouping_enabled: z.boolean().describe('Whether alerts that belong together go out as one.'),
  })
  .meta({ id: 'Settings' });

export const SettingsChange = z
  .strictObject({
    notification_email: email.nullable().optional(),
    heartbeat_threshold_minutes: heartbeatThreshold.optional(),
    consecutive_failures_threshold: failuresThreshold.optional(),
    alert_grouping_enabled: z.boolean().optional(),
  })
  .meta({ id: 'SettingsChange', description: 'What is left out stays as it is.' });

export const SETTINGS_EXAMPLE = {
  notification_email: 'alerts@example.com',
  heartbeat_threshold_minutes: 5,
  consecutive_failures_threshold: 2,
  alert_grouping_enabled: true,
};
