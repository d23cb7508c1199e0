import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Severity } from '../../domain/alert.ts';
import type { IncidentMessage, MessageKind } from '../../domain/incidentMessage.ts';
import { timestamp } from '../sqlTime.ts';
import { inTransaction } from '../transaction.ts';
import { GIVE_UP_AFTER_MS } from './alerting/messages.ts';
import type { Channel } from './channelRow.ts';
import { tellConfigured, type Caller } from './clients.ts';
import { decodeCursor } from './cursor.ts';
import { pageOf, type Page } from './page.ts';

/** What may have become of a message; attempts go on while it is pending. */
export const NOTIFICATION_STATUSES = [
  'pending',
  'success',
  'failed',
  'skipped_not_configured',
  'skipped_channel_deleted',
] as const;

/** A row of the ledger: a message on its way to one channel, as its owner sees it. */
export interface Notification {
  readonly id: string;
  readonly clientId: string;
  readonly incidentId: string | null;
  /** Where the incident has one alert only. */
  readonly alertId: string | null;
  /** Null where it goes to what the settings name. */
  readonly channelId: string | null;
  /** The type of the channel. */
  readonly provider: string;
  /** Masked. */
  readonly recipient: string;
  readonly event: MessageKind;
  readonly severity: Severity;
  readonly text: string;
  readonly status: string;
  readonly attempts: number;
  readonly isPossibleDuplicate: boolean;
  readonly errorMessage: string | null;
  readonly providerAnswer: string | null;
  readonly createdAt: Date;
  /** The last time; null until then. */
  readonly sentAt: Date | null;
  readonly nextAttemptAt: Date | null;
}

interface NotificationFilter {
  readonly status?: (typeof NOTIFICATION_STATUSES)[number] | undefined;
  readonly incidentId?: string | undefined;
  /** The first moment, and the one after the last. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Timestamps come as text. */
type NotificationRow = Omit<Notification, 'createdAt' | 'sentAt' | 'nextAttemptAt'> & {
  created_at: string;
  sent_at: string | null;
  next_attempt_at: string | null;
  /** As cursors have it, to the microsecond. */
  created_at_exactly: string;
};

const SELECT_NOTIFICATION = sql`
  select id, client_id as "clientId", incident_id as "incidentId", alert_id as "alertId", channel_id as "channelId",
    provider, recipient, event, severity, text, status, attempts, is_possible_duplicate as "isPossibleDuplicate",
    error_message as "errorMessage", provider_answer as "providerAnswer", created_at, sent_at, next_attempt_at,
    to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at_exactly
  from notifications`;

/** A test that could not be sent for this long is given up. */
const TEST_LASTS_MS = 5 * 60_000;
const TEST_HEADLINE = 'Test message from the monitoring server';

/** The messages of one client; there is no way to ask for another's. */
export class NotificationRepository {
  private readonly em: EntityManager;
  private readonly clientId: string;

  constructor(em: EntityManager, caller: Pick<Caller, 'clientId'>) {
    this.em = em;
    this.clientId = caller.clientId;
  }

  /**
   * @returns a page, the newest first, and the cursor of the next one
   * @throws InvalidCursorError
   */
  async list(filter: NotificationFilter): Promise<Page<Notification>> {
    const { rows } = await sql<NotificationRow>`
      ${SELECT_NOTIFICATION} where ${this.conditions(filter)}
      order by created_at desc, id desc limit ${filter.limit + 1}
    `.execute(this.em.getKysely<object>());
    return pageOf(rows, {
      limit: filter.limit,
      toItem: toNotification,
      keyOf: (row) => [row.created_at_exactly, row.id],
    });
  }

  find(id: string): Promise<Notification | null> {
    return this.findIn(this.em.getKysely<object>(), id);
  }

  /**
   * Begins again with a message that is not on its way. That it was sent once is told with it.
   *
   * @param now UTC milliseconds
   * @returns it as it is now, and whether it was begun again; null when it does not exist
   */
  resend(id: string, now: number): Promise<{ notification: Notification; isBegun: boolean } | null> {
    return inTransaction(this.em, async (db) => {
      const { numAffectedRows = 0n } = await sql`
        update notifications set status = 'pending', give_up_at = ${timestamp(now + GIVE_UP_AFTER_MS)},
          error_message = null, next_attempt_at = null, attempt_token = null, attempt_began_at = null,
          attempt_ended_at = null, is_possible_duplicate = is_possible_duplicate or status = 'success'
        where id = ${id} and client_id = ${this.clientId} and status <> 'pending'
      `.execute(db);
      const isBegun = numAffectedRows > 0n;
      if (isBegun) await tellConfigured(db, this.clientId);
      const notification = await this.findIn(db, id);
      return notification === null ? null : { notification, isBegun };
    });
  }

  /**
   * Puts a test of a channel into the ledger.
   *
   * @param now UTC milliseconds
   * @returns its id
   */
  createTest(channel: Pick<Channel, 'id' | 'type' | 'recipient'>, now: number): Promise<string> {
    const message: IncidentMessage = {
      ...{ kind: 'test', severity: 'info', headline: TEST_HEADLINE, at: new Date(now).toISOString() },
      ...{ incident: null, counts: { firing: 0, acknowledged: 0, resolved: 0 }, alerts: [] },
    };
    const id = crypto.randomUUID();
    return inTransaction(this.em, async (db) => {
      await sql`
        with message as (
          insert into messages (client_id, sequence, kind, severity, content, created_at)
          values (${this.clientId}, 1, ${message.kind}, ${message.severity}, ${JSON.stringify(message)}::jsonb,
            ${timestamp(now)})
          returning id, client_id, kind, severity, created_at
        )
        insert into notifications (id, client_id, message_id, channel_key, channel_id, provider, recipient, event,
          severity, text, created_at, give_up_at)
        select ${id}::uuid, client_id, id, ${channel.id}::text, ${channel.id}::uuid, ${channel.type}, ${channel.recipient}, kind,
          severity, ${message.headline}, created_at, ${timestamp(now + TEST_LASTS_MS)} from message
      `.execute(db);
      await tellConfigured(db, this.clientId);
      return id;
    });
  }

  private async findIn(db: Kysely<object>, id: string): Promise<Notification | null> {
    const { rows } = await sql<NotificationRow>`
      ${SELECT_NOTIFICATION} where id = ${id} and client_id = ${this.clientId}
    `.execute(db);
    const [row] = rows;
    return row === undefined ? null : toNotification(row);
  }

  private conditions({ status, incidentId, from, to, cursor }: NotificationFilter): RawBuilder<unknown> {
    const all: RawBuilder<unknown>[] = [sql`client_id = ${this.clientId}`];
    if (status !== undefined) all.push(sql`status = ${status}`);
    if (incidentId !== undefined) all.push(sql`incident_id = ${incidentId}`);
    if (from !== undefined) all.push(sql`created_at >= ${from.toISOString()}::timestamptz`);
    if (to !== undefined) all.push(sql`created_at < ${to.toISOString()}::timestamptz`);
    if (cursor !== undefined) {
      const [createdAt, id] = decodeCursor(cursor, ['time', 'uuid']);
      all.push(sql`(created_at, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
    }
    return sql.join(all, sql` and `);
  }
}

function toNotification(row: NotificationRow): Notification {
  const { created_at: createdAt, sent_at: sentAt, next_attempt_at: nextAttemptAt, ...rest } = row;
  return {
    ...rest,
    createdAt: new Date(createdAt),
    sentAt: sentAt === null ? null : new Date(sentAt),
    nextAttemptAt: nextAttemptAt === null ? null : new Date(nextAttemptAt),
  };
}
