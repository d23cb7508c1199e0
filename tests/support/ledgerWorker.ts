import { sql } from 'kysely';
import { deliver } from '../../src/activities/alerting/deliverNotification.ts';
import { createSendToTarget } from '../../src/activities/alerting/sendToTarget.ts';
import { createSecretBox } from '../../src/db/encryption.ts';
import { NotificationLedger } from '../../src/db/repositories/alerting/ledger.ts';
import { NO_FAULTS } from '../../src/faultPoints.ts';
import { createAddressGuard } from '../../src/net/addressGuard.ts';
import type { ApiUnderTest } from './apiUnderTest.ts';

/** What a worker does with the messages that the API has put into the ledger; without Temporal. */
export class LedgerWorker {
  private readonly api: ApiUnderTest;

  constructor(api: ApiUnderTest) {
    this.api = api;
  }

  /** Of a client. @returns their ids */
  async pending(clientId: string): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      select id from notifications where client_id = ${clientId} and status = 'pending' order by created_at, id
    `.execute(this.db());
    return rows.map(({ id }) => id);
  }

  /** One attempt, on the network. */
  async deliver(notificationId: string): Promise<void> {
    const clock = { now: () => Date.now() };
    const deps = {
      ...{ ledger: new NotificationLedger(this.api.orm.em.fork()), clock, reach: NO_FAULTS },
      send: createSendToTarget({
        defaults: { stubSlack: false, slackWebhookUrl: null, smtp: null },
        secrets: createSecretBox(this.api.config.encryptionKey),
        guard: createAddressGuard({ blockPrivate: false }),
        clock,
      }),
      onAttempt: () => undefined,
      onFault: (error: unknown) => {
        throw error;
      },
    };
    await deliver(deps, notificationId, 'test', new AbortController().signal);
  }

  /** What the workflow of a client has been told and has not taken, the oldest first. @returns its kinds */
  async takeNews(clientId: string): Promise<string[]> {
    const { rows } = await sql<{ kind: string }>`
      with taken as (delete from alert_news where client_id = ${clientId} returning id, kind)
      select kind from taken order by id
    `.execute(this.db());
    return rows.map(({ kind }) => kind);
  }

  private db() {
    return this.api.orm.em.fork().getKysely<object>();
  }
}
