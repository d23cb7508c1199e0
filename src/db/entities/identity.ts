import { defineEntity, p } from '@mikro-orm/core';

/** A team: everything that users own hangs on one. */
export const Client = defineEntity({
  name: 'Client',
  tableName: 'clients',
  properties: {
    id: p.uuid().primary(),
    name: p.text(),
    createdAt: p
      .datetime()
      .fieldName('created_at')
      .onCreate(() => new Date()),
  },
});

/** A program's key; `key` is stored hashed (a trigger sees to it). */
export const ApiKey = defineEntity({
  name: 'ApiKey',
  tableName: 'api_keys',
  properties: {
    id: p.uuid().primary(),
    clientId: p.uuid().fieldName('client_id'),
    key: p.text().hidden(),
    name: p.text(),
    isActive: p.boolean().fieldName('is_active').default(true),
    createdAt: p
      .datetime()
      .fieldName('created_at')
      .onCreate(() => new Date()),
  },
});

/** What a client wants of the product as a whole. */
export const ClientSettings = defineEntity({
  name: 'ClientSettings',
  tableName: 'client_settings',
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => crypto.randomUUID()),
    clientId: p.uuid().fieldName('client_id').unique(),
    notificationEmail: p.text().fieldName('notification_email').nullable(),
    slackWebhookEncrypted: p.blob().fieldName('slack_webhook_encrypted').nullable().hidden(),
    slackChannelName: p.text().fieldName('slack_channel_name').nullable(),
    heartbeatThresholdMinutes: p.integer().fieldName('heartbeat_threshold_minutes').default(5),
    consecutiveFailuresThreshold: p.integer().fieldName('consecutive_failures_threshold').default(2),
    alertGroupingEnabled: p.boolean().fieldName('alert_grouping_enabled').default(true),
    alertGroupingWindowSeconds: p.integer().fieldName('alert_grouping_window_seconds').default(300),
    reminderNotificationSeconds: p.integer().fieldName('reminder_notification_seconds').default(0),
    gracePeriodSeconds: p.integer().fieldName('grace_period_seconds').default(0),
    notifyOnResolve: p.boolean().fieldName('notify_on_resolve').default(true),
    updatedAt: p
      .datetime()
      .fieldName('updated_at')
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
  },
});

/** A person's login. */
export const User = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: p.uuid().primary(),
    clientId: p.uuid().fieldName('client_id'),
    email: p.text(),
    passwordHash: p.text().fieldName('password_hash').hidden(),
    role: p.text().default('admin'),
    createdAt: p
      .datetime()
      .fieldName('created_at')
      .onCreate(() => new Date()),
  },
});
