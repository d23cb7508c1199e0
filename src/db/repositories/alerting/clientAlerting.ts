import { sql, type Kysely } from 'kysely';
import { SEVERITIES, type AlertSource, type Severity } from '../../../domain/alert.ts';
import type { AlertingRules } from '../../../domain/incident.ts';
import type { Destination } from '../../../domain/routing.ts';

/** What the installation adds to the settings of its clients. */
export interface AlertingDefaults {
  readonly groupWaitSeconds: number;
  readonly stubSlack: boolean;
  /** For clients that have no webhook of their own. */
  readonly slackWebhookUrl: string | null;
}

/** How a client wants to be told, and where. */
export interface ClientAlerting {
  readonly rules: AlertingRules;
  readonly destinations: readonly Destination[];
}

/** The keys of what the settings of a client name. */
export const SETTINGS_EMAIL = 'settings:email';
export const SETTINGS_SLACK = 'settings:slack';

export async function readClientAlerting(
  db: Kysely<object>,
  clientId: string,
  defaults: AlertingDefaults,
): Promise<ClientAlerting> {
  const { rows: settings } = await sql<SettingsRow>`
    select coalesce(s.alert_grouping_enabled, true) as alert_grouping_enabled,
      coalesce(s.alert_grouping_window_seconds, 300) as alert_grouping_window_seconds,
      coalesce(s.reminder_notification_seconds, 0) as reminder_notification_seconds,
      coalesce(s.grace_period_seconds, 0) as grace_period_seconds,
      coalesce(s.notify_on_resolve, true) as notify_on_resolve,
      s.notification_email, s.slack_webhook_encrypted is not null as has_slack
    from clients c left join client_settings s on s.client_id = c.id
    where c.id = ${clientId}
  `.execute(db);
  const { rows: channels } = await sql<Destination>`
    select id as key, id as "channelId", type as provider, recipient, severities, sources,
      escalation_minutes as "escalationMinutes"
    from channels where client_id = ${clientId} and is_active and deleted_at is null
    order by created_at, id
  `.execute(db);
  const row = settings[0] ?? NO_SETTINGS;
  return {
    rules: {
      isGroupingEnabled: row.alert_grouping_enabled,
      groupingWindowMs: row.alert_grouping_window_seconds * 1_000,
      groupWaitMs: defaults.groupWaitSeconds * 1_000,
      graceMs: row.grace_period_seconds * 1_000,
      reminderMs: row.reminder_notification_seconds * 1_000,
      notifyOnResolve: row.notify_on_resolve,
    },
    destinations: [...settingsDestinations(row, channels, defaults), ...channels],
  };
}

interface SettingsRow {
  alert_grouping_enabled: boolean;
  alert_grouping_window_seconds: number;
  reminder_notification_seconds: number;
  grace_period_seconds: number;
  notify_on_resolve: boolean;
  notification_email: string | null;
  has_slack: boolean;
}

const NO_SETTINGS: SettingsRow = {
  alert_grouping_enabled: true,
  alert_grouping_window_seconds: 300,
  reminder_notification_seconds: 0,
  grace_period_seconds: 0,
  notify_on_resolve: true,
  notification_email: null,
  has_slack: false,
};

const EVERYTHING: { severities: readonly Severity[]; sources: readonly AlertSource[] | null } = {
  severities: SEVERITIES,
  sources: null,
};

/** The installation's Slack is for clients that have none of their own. */
function settingsDestinations(
  { notification_email: email, has_slack: hasSlack }: SettingsRow,
  channels: readonly Destination[],
  { slackWebhookUrl, stubSlack }: AlertingDefaults,
): Destination[] {
  const shared = { ...EVERYTHING, channelId: null, escalationMinutes: 0 };
  const hasSlackChannel = channels.some(({ provider }) => provider === 'slack');
  const wantsSlack = hasSlack || (!hasSlackChannel && (slackWebhookUrl !== null || stubSlack));
  return [
    ...(email === null
      ? []
      : [{ ...shared, key: SETTINGS_EMAIL, provider: 'email', recipient: maskedEmail(email) }]),
    ...(wantsSlack
      ? [{ ...shared, key: SETTINGS_SLACK, provider: 'slack', recipient: 'Slack of the settings' }]
      : []),
  ];
}

/** The first letter and the domain. */
function maskedEmail(address: string): string {
  return address.replace(/^(.).*@/, '$1•••@');
}
