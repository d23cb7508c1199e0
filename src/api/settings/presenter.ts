import type { z } from 'zod';
import type { Settings as StoredSettings } from '../../db/repositories/clients.ts';
import type { Settings, SettingsChange } from './schema.ts';

export function presentSettings(settings: StoredSettings): z.output<typeof Settings> {
  return {
    notification_email: settings.notificationEmail,
    heartbeat_threshold_minutes: settings.heartbeatThresholdMinutes,
    consecutive_failures_threshold: settings.consecutiveFailuresThreshold,
    alert_grouping_enabled: settings.alertGroupingEnabled,
  };
}

/** The other way round, and only what was sent. */
export function toSettingsChange(body: z.output<typeof SettingsChange>): Partial<StoredSettings> {
  const {
    notification_email: notificationEmail,
    heartbeat_threshold_minutes: heartbeatThresholdMinutes,
    consecutive_failures_threshold: consecutiveFailuresThreshold,
    alert_grouping_enabled: alertGroupingEnabled,
  } = body;
  return {
    ...(notificationEmail === undefined ? {} : { notificationEmail }),
    ...(heartbeatThresholdMinutes === undefined ? {} : { heartbeatThresholdMinutes }),
    ...(consecutiveFailuresThreshold === undefined ? {} : { consecutiveFailuresThreshold }),
    ...(alertGroupingEnabled === undefined ? {} : { alertGroupingEnabled }),
  };
}
