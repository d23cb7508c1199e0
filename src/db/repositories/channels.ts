import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { SecretBox } from '../encryption.ts';
import { inTransaction } from '../transaction.ts';
import {
  sealConfig,
  toChannel,
  type Channel,
  type ChannelDefinition,
  type ChannelRow,
} from './channelRow.ts';
import { tellConfigured, type Caller } from './clients.ts';
import { decodeCursor } from './cursor.ts';
import { pageOf, type Page } from './page.ts';

/** Channels that a client may have. */
export const MAX_CHANNELS = 100;

/** Another channel of the same client has this name. */
export class ChannelNameTakenError extends Error {
  override readonly name = 'ChannelNameTakenError';
  readonly existingId: string;

  constructor(existingId: string) {
    super('A channel with this name exists already.');
    this.existingId = existingId;
  }
}

/** The client has as many channels as it may have. */
export class TooManyChannelsError extends Error {
  override readonly name = 'TooManyChannelsError';
}

interface ChannelPage {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** The channels of one client; there is no way to ask for another's. The client's workflow hears of each change. */
export class ChannelRepository {
  private readonly em: EntityManager;
  private readonly clientId: string;
  private readonly secrets: SecretBox;

  constructor(em: EntityManager, caller: Pick<Caller, 'clientId'>, secrets: SecretBox) {
    this.em = em;
    this.clientId = caller.clientId;
    this.secrets = secrets;
  }

  /**
   * @returns a page in order of creation, and the cursor of the next one
   * @throws InvalidCursorError
   */
  async list({ limit, cursor }: ChannelPage): Promise<Page<Channel>> {
    const rows = await this.rows(this.em.getKysely<object>(), sql`${after(cursor)} limit ${limit + 1}`);
    return pageOf(rows, {
      limit,
      toItem: (row) => toChannel(row, this.secrets),
      keyOf: (row) => [row.created_at_exactly, row.id],
    });
  }

  find(id: string): Promise<Channel | null> {
    return this.findIn(this.em.getKysely<object>(), id);
  }

  /** @throws ChannelNameTakenError, TooManyChannelsError */
  create(id: string, type: string, definition: ChannelDefinition): Promise<void> {
    return this.changing(async (db) => {
      await this.checkName(db, definition.name, id);
      const { rows } = await sql<{ count: number }>`
        select count(*)::int from channels where client_id = ${this.clientId} and deleted_at is null
      `.execute(db);
      if ((rows[0]?.count ?? 0) >= MAX_CHANNELS) throw new TooManyChannelsError();
      await sql`
        insert into channels (id, client_id, type, name, config_encrypted, recipient, severities, sources,
          escalation_minutes, is_active)
        values (${id}, ${this.clientId}, ${type}, ${this.columnValues(id, definition)})
      `.execute(db);
      await tellConfigured(db, this.clientId);
    });
  }

  /**
   * Applies a change to the channel as it is at that moment, so that concurrent changes of different fields all stay.
   *
   * @param change gives the whole new definition; may throw, then nothing changes
   * @returns the channel as it is now; null when it does not exist
   * @throws ChannelNameTakenError
   */
  update(id: string, change: (current: Channel) => ChannelDefinition): Promise<Channel | null> {
    return this.changing(async (db) => {
      const current = await this.findIn(db, id);
      if (current === null) return null;
      const next = change(current);
      await this.checkName(db, next.name, id);
      await sql`
        update channels set (name, config_encrypted, recipient, severities, sources, escalation_minutes, is_active)
          = (${this.columnValues(id, next)}), version = version + 1, updated_at = now()
        where id = ${id}
      `.execute(db);
      await tellConfigured(db, this.clientId);
      return this.findIn(db, id);
    });
  }

  /** Soft: the ledger goes on naming it, its name is free at once. @returns whether it existed. */
  delete(id: string): Promise<boolean> {
    return this.changing(async (db) => {
      const { numAffectedRows = 0n } = await sql`
        update channels set deleted_at = now() where id = ${id} and ${this.isOwn()}
      `.execute(db);
      if (numAffectedRows > 0n) await tellConfigured(db, this.clientId);
      return numAffectedRows > 0n;
    });
  }

  /** One change of a client's channels after the other: names and the number of channels are looked at before. */
  private changing<T>(work: (db: Kysely<object>) => Promise<T>): Promise<T> {
    return inTransaction(this.em, async (db) => {
      await sql`select id from clients where id = ${this.clientId} for no key update`.execute(db);
      return work(db);
    });
  }

  private async findIn(db: Kysely<object>, id: string): Promise<Channel | null> {
    const [row] = await this.rows(db, sql`and id = ${id}`);
    return row === undefined ? null : toChannel(row, this.secrets);
  }

  private async rows(db: Kysely<object>, which: RawBuilder<unknown>): Promise<ChannelRow[]> {
    const { rows } = await sql<ChannelRow>`
      select *, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at_exactly
      from channels where ${this.isOwn()} ${which}
    `.execute(db);
    return rows;
  }

  private async checkName(db: Kysely<object>, name: string, ownId: string): Promise<void> {
    const { rows } = await sql<{ id: string }>`
      select id from channels where ${this.isOwn()} and lower(name) = lower(${name}) and id <> ${ownId}
    `.execute(db);
    const [holder] = rows;
    if (holder !== undefined) throw new ChannelNameTakenError(holder.id);
  }

  private isOwn(): RawBuilder<unknown> {
    return sql`client_id = ${this.clientId} and deleted_at is null`;
  }

  private columnValues(id: string, definition: ChannelDefinition): RawBuilder<unknown> {
    return sql.join([
      sql`${definition.name}::text`,
      sql`${sealConfig(definition.config, id, this.secrets)}::bytea`,
      sql`${definition.recipient}::text`,
      sql`${[...definition.severities]}::text[]`,
      sql`${definition.sources === null ? null : [...definition.sources]}::text[]`,
      sql`${definition.escalationMinutes}::int`,
      sql`${definition.isActive}::boolean`,
    ]);
  }
}

function after(cursor: string | undefined): RawBuilder<unknown> {
  if (cursor === undefined) return sql`order by created_at, id`;
  const [createdAt, id] = decodeCursor(cursor, ['time', 'uuid']);
  return sql`and (created_at, id) > (${createdAt}::timestamptz, ${id}::uuid) order by created_at, id`;
}
