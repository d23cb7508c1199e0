import { sql, type Kysely } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { IncidentMessage } from '../../../domain/incidentMessage.ts';
import { timestamp } from '../../sqlTime.ts';
import { inTransaction } from '../../transaction.ts';
import { SETTINGS_EMAIL } from './clientAlerting.ts';
import { writeTimeline } from './timeline.ts';

/** A row of the ledger whose attempt has begun. */
export interface BegunAttempt {
  readonly kind: 'begun';
  readonly notificationId: string;
  readonly clientId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** An attempt before this one began and never ended. */
  readonly isPossibleDuplicate: boolean;
  readonly message: IncidentMessage;
  readonly target: DeliveryTarget;
  /** UTC milliseconds. */
  readonly giveUpAt: number;
}

/** Where a message goes; what is secret is still encrypted. */
export type DeliveryTarget =
  | { readonly kind: 'channel'; readonly channelId: string; readonly type: string; readonly sealed: Buffer }
  | { readonly kind: 'settings'; readonly type: 'email'; readonly to: string }
  | {
      readonly kind: 'settings';
      readonly type: 'slack';
      /** Null for the installation's. */
      readonly sealed: Buffer | null;
      readonly channelName: string | null;
    }
  /** The channel was deleted, or the settings name none any more. */
  | { readonly kind: 'gone' };

export type AttemptStart =
  | BegunAttempt
  /** It has been sent, refused or given up. */
  | { readonly kind: 'done'; readonly status: string }
  /** Not before then, UTC milliseconds: somebody else's attempt is under way, or the last one has just failed. */
  | { readonly kind: 'busy'; readonly until: number };

/** How an attempt ended. */
export interface EndedAttempt {
  readonly status: 'success' | 'failed' | 'pending' | `skipped_${string}`;
  readonly error: string | null;
  readonly answer: string | null;
  /** For `pending`: when it is tried again, UTC milliseconds. */
  readonly nextAttemptAt: number | null;
}

/** An attempt of which nothing was heard for this long has died. */
const ATTEMPT_LASTS_MS = 60_000;

/** The ledger of messages: written before and after each attempt. */
export class NotificationLedger {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /**
   * Notes that an attempt begins. One that began before and never ended may have sent the message: this is noted for
   * good, and told with the message.
   *
   * @param token whose attempt it is: the same one may begin again at once, another waits until the first is dead
   * @param now UTC milliseconds
   */
  async begin(notificationId: string, token: string, now: number): Promise<AttemptStart> {
    const { rows } = await sql<BegunRow>`
      with begun as (
        update notifications set attempts = attempts + 1, attempt_began_at = ${timestamp(now)}, attempt_ended_at = null,
          attempt_token = ${token}, next_attempt_at = null,
          is_possible_duplicate = is_possible_duplicate or (attempt_began_at is not null and attempt_ended_at is null)
        where id = ${notificationId} and status = 'pending'
          and (next_attempt_at is null or next_attempt_at <= ${timestamp(now)}) and (attempt_token is null or attempt_token = ${token}
          or attempt_ended_at is not null or attempt_began_at < ${timestamp(now - ATTEMPT_LASTS_MS)})
        returning *
      )
      select b.client_id, b.attempts, b.is_possible_duplicate, b.channel_key, b.channel_id, m.content,
        (extract(epoch from b.give_up_at) * 1000)::float8 as give_up_at,
        c.type, c.config_encrypted, c.deleted_at is not null as is_deleted,
        s.notification_email, s.slack_webhook_encrypted, s.slack_channel_name
      from begun b join messages m on m.id = b.message_id
      left join channels c on c.id = b.channel_id
      left join client_settings s on s.client_id = b.client_id
    `.execute(this.em.getKysely<object>());
    const [row] = rows;
    return row === undefined ? this.notBegun(notificationId) : toBegun(notificationId, row);
  }

  /**
   * Notes how an attempt ended, and the timeline of its incident with it. An attempt that somebody else has taken over
   * changes only a row that is still pending.
   */
  async end(
    { notificationId, attempt }: Pick<BegunAttempt, 'notificationId' | 'attempt'>,
    ended: EndedAttempt,
    now: number,
  ): Promise<void> {
    await inTransaction(this.em, async (db) => {
      const { rows } = await sql<EndedRow>`
        update notifications set status = ${ended.status}, error_message = ${ended.error},
          provider_answer = ${ended.answer}, attempt_ended_at = ${timestamp(now)},
          next_attempt_at = ${ended.nextAttemptAt === null ? null : new Date(ended.nextAttemptAt).toISOString()}::timestamptz,
          sent_at = case when ${ended.status} = 'success' then ${timestamp(now)} else sent_at end
        where id = ${notificationId} and status = 'pending' and (attempts = ${attempt} or ${ended.status} = 'success')
        returning incident_id, provider, recipient, event, attempts
      `.execute(db);
      const [row] = rows;
      if (row !== undefined) await noteInTimeline(db, row, ended, now);
    });
  }

  private async notBegun(notificationId: string): Promise<AttemptStart> {
    const { rows } = await sql<{ status: string; until: number | null }>`
      select status, coalesce((extract(epoch from next_attempt_at) * 1000)::float8,
        (extract(epoch from attempt_began_at) * 1000)::float8 + ${ATTEMPT_LASTS_MS}::int) as until
      from notifications where id = ${notificationId}
    `.execute(this.em.getKysely<object>());
    const [row] = rows;
    if (row === undefined) return { kind: 'done', status: 'deleted' };
    if (row.status !== 'pending') return { kind: 'done', status: row.status };
    return { kind: 'busy', until: row.until ?? 0 };
  }
}

interface BegunRow {
  client_id: string;
  attempts: number;
  is_possible_duplicate: boolean;
  channel_key: string;
  channel_id: string | null;
  content: IncidentMessage;
  give_up_at: number;
  type: string | null;
  config_encrypted: Buffer | null;
  is_deleted: boolean | null;
  notification_email: string | null;
  slack_webhook_encrypted: Buffer | null;
  slack_channel_name: string | null;
}

function toBegun(notificationId: string, row: BegunRow): BegunAttempt {
  return {
    kind: 'begun',
    ...{ notificationId, clientId: row.client_id, attempt: row.attempts, message: row.content },
    isPossibleDuplicate: row.is_possible_duplicate,
    giveUpAt: row.give_up_at,
    target: targetOf(row),
  };
}

function targetOf(row: BegunRow): DeliveryTarget {
  if (row.channel_id !== null) {
    if (row.type === null || row.config_encrypted === null || row.is_deleted !== false)
      return { kind: 'gone' };
    return { kind: 'channel', channelId: row.channel_id, type: row.type, sealed: row.config_encrypted };
  }
  if (row.channel_key === SETTINGS_EMAIL) {
    return row.notification_email === null
      ? { kind: 'gone' }
      : { kind: 'settings', type: 'email', to: row.notification_email };
  }
  return {
    ...{ kind: 'settings', type: 'slack', sealed: row.slack_webhook_encrypted },
    channelName: row.slack_channel_name,
  };
}

interface EndedRow {
  incident_id: string | null;
  provider: string;
  recipient: string;
  event: string;
  attempts: number;
}

/** Only what is final: attempts that failed and are tried again stand in the ledger. */
async function noteInTimeline(
  db: Kysely<object>,
  { incident_id: incidentId, provider, recipient, event, attempts }: EndedRow,
  { status, error }: EndedAttempt,
  now: number,
): Promise<void> {
  if (incidentId === null || status === 'pending') return;
  const where = `${provider} ${recipient}`;
  const tries = attempts === 1 ? '' : ` at the ${attempts}. attempt`;
  const text =
    status === 'success'
      ? `Told ${where} (${event})${tries}`
      : `Could not tell ${where} (${event}): ${error ?? status}`;
  await writeTimeline(db, [{ incidentId, alertId: null, kind: 'notification', at: now, text, actor: null }]);
}
