import { createHash } from 'node:crypto';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { inTransaction } from '../transaction.ts';

/** Who is asking. */
export interface Caller {
  readonly clientId: string;
  readonly keyId: string;
}

/** @returns null when no active key of this text exists. */
export async function findCallerByApiKey(em: EntityManager, apiKey: string): Promise<Caller | null> {
  const stored = `sha256:${createHash('sha256').update(apiKey, 'utf8').digest('hex')}`;
  const { rows } = await sql<{ id: string; client_id: string }>`
    select id, client_id from api_keys where key = ${stored} and is_active
  `.execute(em.getKysely<object>());
  const [row] = rows;
  return row === undefined ? null : { clientId: row.client_id, keyId: row.id };
}

/** What people call the key of a caller: who acknowledges, resolves, notes. */
export function keyName({ keyId }: Pick<Caller, 'keyId'>): RawBuilder<unknown> {
  return sql`(select name from api_keys where id = ${keyId})`;
}

/**
 * Tells the workflow of a client that settings, channels or what is to be sent have changed. Call it in the transaction
 * that changes them.
 */
export async function tellConfigured(db: Kysely<object>, clientId: string): Promise<void> {
  await sql`insert into alert_news (client_id, kind) values (${clientId}, 'configured')`.execute(db);
}

export interface Settings {
  readonly notificationEmail: string | null;
  /** The address of an incoming webhook, sealed with the id of the client; null for the installation's. */
  readonly slackWebhookSealed: Buffer | null;
  readonly slackChannelName: string | null;
  readonly heartbeatThresholdMinutes: number;
  readonly consecutiveFailuresThreshold: number;
  readonly alertGroupingEnabled: boolean;
  readonly alertGroupingWindowSeconds: number;
  /** 0: never. */
  readonly reminderNotificationSeconds: number;
  readonly gracePeriodSeconds: number;
  readonly notifyOnResolve: boolean;
}

interface ChangedSettings {
  readonly settings: Settings;
  /** Whether machines may be silent for longer or shorter now: their workflows have to hear of it. */
  readonly isHeartbeatThresholdNew: boolean;
}

const COLUMNS = [
  ['notificationEmail', 'notification_email'],
  ['slackWebhookSealed', 'slack_webhook_encrypted'],
  ['slackChannelName', 'slack_channel_name'],
  ['heartbeatThresholdMinutes', 'heartbeat_threshold_minutes'],
  ['consecutiveFailuresThreshold', 'consecutive_failures_threshold'],
  ['alertGroupingEnabled', 'alert_grouping_enabled'],
  ['alertGroupingWindowSeconds', 'alert_grouping_window_seconds'],
  ['reminderNotificationSeconds', 'reminder_notification_seconds'],
  ['gracePeriodSeconds', 'grace_period_seconds'],
  ['notifyOnResolve', 'notify_on_resolve'],
] as const satisfies readonly (readonly [keyof Settings, string])[];

const DEFAULT_SETTINGS: Settings = {
  notificationEmail: null,
  slackWebhookSealed: null,
  slackChannelName: null,
  heartbeatThresholdMinutes: 5,
  consecutiveFailuresThreshold: 2,
  alertGroupingEnabled: true,
  alertGroupingWindowSeconds: 300,
  reminderNotificationSeconds: 0,
  gracePeriodSeconds: 0,
  notifyOnResolve: true,
};

/** The caller's settings; a client without a row has the defaults. */
export class SettingsRepository {
  private readonly em: EntityManager;
  private readonly clientId: string;

  constructor(em: EntityManager, caller: Pick<Caller, 'clientId'>) {
    this.em = em;
    this.clientId = caller.clientId;
  }

  get(): Promise<Settings> {
    return this.read(this.em.getKysely<object>(), sql``);
  }

  /**
   * Changes the settings as they are at that moment, under their lock, so that concurrent changes of different fields
   * all stay. With another heartbeat threshold every machine of the client has a new version.
   *
   * @param change gives what is to be different; may throw, then nothing changes
   */
  update(change: (current: Settings) => Partial<Settings>): Promise<ChangedSettings> {
    return inTransaction(this.em, async (db) => {
      await sql`insert into client_settings (client_id) values (${this.clientId}) on conflict do nothing`.execute(
        db,
      );
      const before = await this.read(db, sql`for update`);
      const settings: Settings = { ...before, ...change(before) };
      const changed = COLUMNS.filter(([name]) => settings[name] !== before[name]);
      if (changed.length === 0) return { settings, isHeartbeatThresholdNew: false };
      const assignments = changed.map(([name, column]) => sql`${sql.ref(column)} = ${settings[name]}`);
      await sql`
        update client_settings set ${sql.join(assignments)}, updated_at = now() where client_id = ${this.clientId}
      `.execute(db);
      const isHeartbeatThresholdNew = changed.some(([name]) => name === 'heartbeatThresholdMinutes');
      if (isHeartbeatThresholdNew) await this.renewMachines(db);
      await tellConfigured(db, this.clientId);
      return { settings, isHeartbeatThresholdNew };
    });
  }

  private async read(db: Kysely<object>, lock: RawBuilder<unknown>): Promise<Settings> {
    const columns = COLUMNS.map(([name, column]) => sql`${sql.ref(column)} as ${sql.ref(name)}`);
    const { rows } = await sql<Settings>`
      select ${sql.join(columns)} from client_settings where client_id = ${this.clientId} ${lock}
    `.execute(db);
    return rows[0] ?? DEFAULT_SETTINGS;
  }

  private async renewMachines(db: Kysely<object>): Promise<void> {
    await sql`
      update machines set version = version + 1 where client_id = ${this.clientId} and unregistered_at is null
    `.execute(db);
  }
}
