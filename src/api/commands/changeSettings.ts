import type { EntityManager } from '@mikro-orm/postgresql';
import { SettingsRepository, type Caller, type Settings } from '../../db/repositories/clients.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { SettingsChange } from '../settings/schema.ts';
import { changedSlackWebhook } from '../settings/slackWebhook.ts';

/**
 * Changes some settings; the workflow of the client hears of it. Another heartbeat threshold holds for all machines of
 * the client at once: the sweep judges by it and hands it to their workflows. When Temporal is away, the next sweep does.
 *
 * @param sent what is absent stays as it is
 * @returns all settings
 * @throws ApiError 422 for a mask of an address that is not stored, and then nothing changes
 */
export async function changeSettings({
  em,
  caller,
  sent,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  sent: SettingsChange;
  deps: Pick<ApiDependencies, 'machineHeartbeats' | 'secrets'>;
}): Promise<Settings> {
  const { slack_webhook_url: webhook } = sent;
  const { settings, isHeartbeatThresholdNew } = await new SettingsRepository(em, caller).update(
    (current) => ({
      ...toSettings(sent),
      ...(webhook === undefined ? {} : changedSlackWebhook(current, webhook, caller.clientId, deps.secrets)),
    }),
  );
  if (isHeartbeatThresholdNew) await deps.machineHeartbeats.sweepNow();
  return settings;
}

/** All but the address of Slack, which is kept sealed. */
function toSettings(sent: SettingsChange): Partial<Settings> {
  return given({
    notificationEmail: sent.notification_email,
    slackChannelName: sent.slack_channel_name,
    heartbeatThresholdMinutes: sent.heartbeat_threshold_minutes,
    consecutiveFailuresThreshold: sent.consecutive_failures_threshold,
    alertGroupingEnabled: sent.alert_grouping_enabled,
    alertGroupingWindowSeconds: sent.alert_grouping_window_seconds,
    reminderNotificationSeconds: sent.reminder_notification_seconds,
    gracePeriodSeconds: sent.grace_period_seconds,
    notifyOnResolve: sent.notify_on_resolve,
  });
}

type Sent = { readonly [Name in keyof Settings]?: Settings[Name] | undefined };

function given(sent: Sent): Partial<Settings> {
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined));
}
