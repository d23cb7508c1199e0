import { sql } from 'kysely';
import { deliver, type SendToTarget } from '../../src/activities/alerting/deliverNotification.ts';
import { planNotifications } from '../../src/activities/alerting/planNotifications.ts';
import type { Delivery, SendOutcome } from '../../src/channels/channel.ts';
import { ClientPlanRepository } from '../../src/db/repositories/alerting/clientPlan.ts';
import { NotificationLedger } from '../../src/db/repositories/alerting/ledger.ts';
import { syncAlerts } from '../../src/db/repositories/alerting/syncAlerts.ts';
import type { Target } from '../../src/db/repositories/httpTargetRow.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { NO_FAULTS } from '../../src/faultPoints.ts';
import { DEV_CLIENT_ID } from '../../src/db/seeders/devAccess.ts';
import type { TargetDatabase } from './targets.ts';
import type { PlayedActivities, TimeSkipping } from './timeSkipping.ts';

/** A message as a channel got it. */
export interface HeardMessage extends Delivery {
  /** UTC milliseconds of the skipped time. */
  readonly at: number;
}

/** The people of the dev client, on real rows and a clock that skips: what is said to them, and what their channel says. */
export class ToldClient {
  readonly heard: HeardMessage[] = [];
  /** What the channel answers; it is told of each message before. */
  answer: (delivery: Delivery) => SendOutcome = () => ({ kind: 'sent', answer: 'HTTP 200' });
  private readonly db: TargetDatabase;
  private readonly temporal: TimeSkipping;

  constructor(db: TargetDatabase, temporal: TimeSkipping) {
    this.db = db;
    this.temporal = temporal;
  }

  activities(): PlayedActivities {
    const clock = { value: 0, now: () => clock.value };
    const plans = new ClientPlanRepository(this.db.orm.em.fork(), {
      defaults: { groupWaitSeconds: 30, stubSlack: false, slackWebhookUrl: null },
      runUrl: () => null,
    });
    const send: SendToTarget = (delivery) => {
      const outcome = this.answer(delivery);
      if (outcome.kind === 'sent') this.heard.push({ ...delivery, at: clock.value });
      return Promise.resolve(outcome);
    };
    const ledger = new NotificationLedger(this.db.orm.em.fork());
    const onFault = (error: unknown) => {
      throw error;
    };
    /** Activities of real workers have clocks of their own. */
    const atSkippedTime = async <T>(work: () => Promise<T>): Promise<T> => {
      clock.value = await this.temporal.now();
      return work();
    };
    return {
      planNotifications: (clientId) => atSkippedTime(() => planNotifications({ plans, clock }, clientId)),
      deliverNotification: (id) =>
        atSkippedTime(() =>
          deliver(
            { ledger, send, clock, reach: NO_FAULTS, onAttempt: () => undefined, onFault },
            id,
            'played',
            new AbortController().signal,
          ),
        ),
    };
  }

  /** What the recorder does when a check turns a target. */
  async turn(target: Target, status: 'up' | 'down'): Promise<void> {
    const at = new Date(await this.temporal.now()).toISOString();
    await inTransaction(this.db.orm.em.fork(), async (db) => {
      const { rows } = await sql<{ key: number }>`
        update http_target_states s set status = ${status}, last_state_change_at = ${at}::timestamptz,
          last_failure_class = ${status === 'down' ? 'connect' : null},
          last_error_message = ${status === 'down' ? 'Connection refused by shop:443' : null},
          episode = episode + ${status === 'down' ? 1 : 0}
        from http_targets t where t.key = s.target_key and t.id = ${target.id} returning t.key
      `.execute(db);
      await syncAlerts(
        db,
        'http_target',
        rows.map(({ key }) => key),
      );
    });
  }

  async ledger(): Promise<
    { event: string; status: string; attempts: number; error_message: string | null }[]
  > {
    const { rows } = await sql<{
      event: string;
      status: string;
      attempts: number;
      error_message: string | null;
    }>`
      select event, status, attempts, error_message from notifications
      where client_id = ${DEV_CLIENT_ID} order by created_at, id
    `.execute(this.db.orm.em.fork().getKysely<object>());
    return rows;
  }
}
