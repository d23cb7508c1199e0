import { createHash } from 'node:crypto';
import { sql, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { ClientSettings } from '../entities/identity.ts';
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

export interface Settings {
  readonly notificationEmail: string | null;
  readonly heartbeatThresholdMinutes: number;
  readonly consecutiveFailuresThreshold: number;
  readonly alertGroupingEnabled: boolean;
}

interface ChangedSettings {
  readonly settings: Settings;
  /** Whether machines may be silent for longer or shorter now: their workflows have to hear of it. */
  readonly isHeartbeatThresholdNew: boolean;
}

const COLUMNS = [
  ['notificationEmail', 'notification_email'],
  ['heartbeatThresholdMinutes', 'heartbeat_threshold_minutes'],
  ['consecutiveFailuresThreshold', 'consecutive_failures_threshold'],
  ['alertGroupingEnabled', 'alert_grouping_enabled'],
] as const satisfies readonly (readonly [keyof Settings, string])[];

const DEFAULT_SETTINGS: Settings = {
  notificationEmail: null,
  heartbeatThresholdMinutes: 5,
  consecutiveFailuresThreshold: 2,
  alertGroupingEnabled: true,
};

/** The caller's settings; a client without a row has the defaults. */
export class SettingsRepository {
  private readonly em: EntityManager;
  private readonly clientId: string;

  constructor(em: EntityManager, caller: Pick<Caller, 'clientId'>) {
    this.em = em;
    this.clientId = caller.clientId;
  }

  async get(): Promise<Settings> {
    const row = await this.em.findOne(ClientSettings, { clientId: this.clientId });
    if (row === null) return DEFAULT_SETTINGS;
    return {
      notificationEmail: row.notificationEmail ?? null,
      heartbeatThresholdMinutes: row.heartbeatThresholdMinutes,
      consecutiveFailuresThreshold: row.consecutiveFailuresThreshold,
      alertGroupingEnabled: row.alertGroupingEnabled,
    };
  }

  /**
   * Changes what is given and leaves the rest; concurrent changes of different fields all stay. With another heartbeat
   * threshold every machine of the client has a new version.
   */
  async update(changes: Partial<Settings>): Promise<ChangedSettings> {
    const isHeartbeatThresholdNew = await inTransaction(this.em, async (db) => {
      await sql`insert into client_settings (client_id) values (${this.clientId}) on conflict do nothing`.execute(
        db,
      );
      const { rows } = await sql<{ is_new: boolean }>`
        update client_settings c set ${sql.join(assignments(changes))}
        from (select * from client_settings where client_id = ${this.clientId} for update) before
        where c.id = before.id
        returning c.heartbeat_threshold_minutes <> before.heartbeat_threshold_minutes as is_new
      `.execute(db);
      const isNew = rows[0]?.is_new === true;
      if (isNew) {
        await sql`
          update machines set version = version + 1 where client_id = ${this.clientId} and unregistered_at is null
        `.execute(db);
      }
      return isNew;
    });
    this.em.clear();
    return { settings: await this.get(), isHeartbeatThresholdNew };
  }
}

function assignments(changes: Partial<Settings>): RawBuilder<unknown>[] {
  const given = COLUMNS.filter(([name]) => changes[name] !== undefined);
  return [
    sql`updated_at = now()`,
    ...given.map(([name, column]) => sql`${sql.ref(column)} = ${changes[name]}`),
  ];
}
