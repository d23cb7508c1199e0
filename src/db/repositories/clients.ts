import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { ClientSettings } from '../entities/identity.ts';

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

  /** Changes what is given and leaves the rest; concurrent changes of different fields all stay. */
  async update(changes: Partial<Settings>): Promise<Settings> {
    await sql`insert into client_settings (client_id) values (${this.clientId}) on conflict do nothing`.execute(
      this.em.getKysely<object>(),
    );
    await this.em.nativeUpdate(
      ClientSettings,
      { clientId: this.clientId },
      { ...changes, updatedAt: new Date() },
    );
    this.em.clear();
    return this.get();
  }
}
