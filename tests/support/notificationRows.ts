import { sql } from 'kysely';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { IncidentMessage } from '../../src/domain/incidentMessage.ts';

interface NotificationOptions {
  readonly clientId: string;
  readonly channelKey?: string;
  readonly provider?: string;
  readonly status?: string;
  readonly incidentId?: string | null;
  /** ISO 8601, to the microsecond where that matters. */
  readonly createdAt?: string;
  readonly attempts?: number;
  readonly error?: string | null;
}

/** Messages and what became of them, as a test wants them. */
export class NotificationRows {
  private readonly orm: MikroORM;
  private sequence = 0;

  constructor(orm: MikroORM) {
    this.orm = orm;
  }

  /** By default one that was sent to the Slack of the settings. @returns its id */
  async insert(options: NotificationOptions): Promise<string> {
    const { clientId, channelKey = 'settings:slack', provider = 'slack', status = 'success' } = options;
    const { incidentId = null, createdAt = new Date().toISOString(), attempts = 1, error = null } = options;
    const message: IncidentMessage = {
      ...{ kind: 'opened', severity: 'critical', headline: 'shop is down', at: createdAt, incident: null },
      ...{ counts: { firing: 1, acknowledged: 0, resolved: 0 }, alerts: [] },
    };
    const id = crypto.randomUUID();
    this.sequence += 1;
    await sql`
      with message as (
        insert into messages (client_id, incident_id, sequence, kind, severity, content, created_at)
        values (${clientId}, ${incidentId}, ${this.sequence}, 'opened', 'critical', ${JSON.stringify(message)}::jsonb,
          ${createdAt}::timestamptz)
        returning id, client_id, incident_id
      )
      insert into notifications (id, client_id, message_id, incident_id, channel_key, provider, recipient, event,
        severity, text, status, attempts, attempt_began_at, attempt_ended_at, attempt_token, error_message,
        created_at, sent_at, give_up_at)
      select ${id}::uuid, client_id, id, incident_id, ${channelKey}, ${provider}, 'masked', 'opened', 'critical',
        'shop is down', ${status}, ${attempts}::int, now(), now(), 'earlier', ${error}::text, ${createdAt}::timestamptz,
        case when ${status} = 'success' then ${createdAt}::timestamptz end, now() from message
    `.execute(this.db());
    return id;
  }

  private db() {
    return this.orm.em.fork().getKysely<object>();
  }
}
