import { z } from 'zod';
import type { AddressGuard } from '../../net/addressGuard.ts';
import { customIssue } from '../zodIssues.ts';
import { slackChannelNameField, slackWebhookField } from './slackFields.ts';

const MAX_SECONDS = 7 * 86_400;
const SHORTEST_REMINDER_SECONDS = 60;

const fields = {
  notification_email: z.string().nullable().describe('Where alerts go; null sends no mail.'),
  slack_webhook_url: z
    .string()
    .nullable()
    .describe('Masked. An incoming webhook; null for that of the installation, where there is one.'),
  slack_channel_name: z
    .string()
    .nullable()
    .describe('For legacy webhooks, which can post to any channel: "#ops".'),
  heartbeat_threshold_minutes: z.int().describe('A machine that was silent for so long is down.'),
  consecutive_failures_threshold: z.int().describe('A target is down after so many failures in a row.'),
  alert_grouping_enabled: z.boolean().describe('Whether alerts that belong together go out as one.'),
  alert_grouping_window_seconds: z
    .int()
    .describe('An alert joins the incident that was opened at most so long before.'),
  reminder_notification_seconds: z
    .int()
    .describe('How often an incident that nobody has acknowledged is told again; 0: never.'),
  grace_period_seconds: z
    .int()
    .describe('How much longer a message waits. An incident that is over by then tells nobody.'),
  notify_on_resolve: z.boolean().describe('Whether the end of an incident is told.'),
};

export const Settings = z.strictObject(fields).meta({ id: 'Settings' });

/** The body of PUT; a masked address is held against the stored one later. */
export function settingsChangeBody(guard: AddressGuard) {
  const email = z.email().max(254);
  return z
    .strictObject({
      notification_email: email.nullable(),
      slack_webhook_url: slackWebhookField(guard).nullable(),
      slack_channel_name: slackChannelNameField.nullable(),
      heartbeat_threshold_minutes: z.int().min(1).max(1_440),
      consecutive_failures_threshold: z.int().min(1).max(100),
      alert_grouping_enabled: z.boolean(),
      alert_grouping_window_seconds: z.int().min(1).max(86_400),
      reminder_notification_seconds: reminderField,
      grace_period_seconds: z.int().min(0).max(86_400),
      notify_on_resolve: z.boolean(),
    })
    .partial()
    .meta({ id: 'SettingsChange', description: 'What is left out, or masked, stays as it is.' });
}

export type SettingsChange = z.output<ReturnType<typeof settingsChangeBody>>;

const reminderField = z
  .int()
  .min(0)
  .max(MAX_SECONDS)
  .superRefine((seconds, context) => {
    if (seconds <= 0 || seconds >= SHORTEST_REMINDER_SECONDS) return;
    const message = `Input should be 0 (never), or greater than or equal to ${SHORTEST_REMINDER_SECONDS}`;
    context.addIssue(customIssue('greater_than_equal', message));
  });

export const SETTINGS_EXAMPLE = {
  notification_email: 'alerts@example.com',
  slack_webhook_url: 'https://hooks.slack.com/••••',
  slack_channel_name: null,
  heartbeat_threshold_minutes: 5,
  consecutive_failures_threshold: 2,
  alert_grouping_enabled: true,
  alert_grouping_window_seconds: 300,
  reminder_notification_seconds: 0,
  grace_period_seconds: 0,
  notify_on_resolve: true,
};
