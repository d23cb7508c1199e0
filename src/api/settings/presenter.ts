import type { z } from 'zod';
import { maskedConfig } from '../../channels/channelTypes.ts';
import type { SecretBox } from '../../db/encryption.ts';
import type { Settings as StoredSettings } from '../../db/repositories/clients.ts';
import { openedSlackWebhook } from './slackWebhook.ts';
import type { Settings } from './schema.ts';

/** @throws SecretUnreadableError */
export function presentSettings(
  settings: StoredSettings,
  clientId: string,
  secrets: Pick<SecretBox, 'open'>,
): z.output<typeof Settings> {
  return {
    notification_email: settings.notificationEmail,
    slack_webhook_url: maskedWebhook(openedSlackWebhook(settings, clientId, secrets)),
    slack_channel_name: settings.slackChannelName,
    heartbeat_threshold_minutes: settings.heartbeatThresholdMinutes,
    consecutive_failures_threshold: settings.consecutiveFailuresThreshold,
    alert_grouping_enabled: settings.alertGroupingEnabled,
    alert_grouping_window_seconds: settings.alertGroupingWindowSeconds,
    reminder_notification_seconds: settings.reminderNotificationSeconds,
    grace_period_seconds: settings.gracePeriodSeconds,
    notify_on_resolve: settings.notifyOnResolve,
  };
}

function maskedWebhook(address: string | null): string | null {
  if (address === null) return null;
  const { webhook_url: masked } = maskedConfig('slack', { webhook_url: address });
  return typeof masked === 'string' ? masked : null;
}
