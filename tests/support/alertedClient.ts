import { sql } from 'kysely';
import { ClientPlanRepository } from '../../src/db/repositories/alerting/clientPlan.ts';
import { NotificationLedger } from '../../src/db/repositories/alerting/ledger.ts';
import { syncAlerts } from '../../src/db/repositories/alerting/syncAlerts.ts';
import { AlertRepository } from '../../src/db/repositories/alerts.ts';
import { ChannelRepository } from '../../src/db/repositories/channels.ts';
import { SettingsRepository, type Settings } from '../../src/db/repositories/clients.ts';
import type { Target, TargetDefinition } from '../../src/db/repositories/httpTargetRow.ts';
import { DEV_CLIENT_ID } from '../../src/db/seeders/devAccess.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { ReachFaultPoint } from '../../src/faultPoints.ts';
import { buildChannel } from './buildChannel.ts';
import { openTargetDatabase, TEST_SECRETS, type TargetDatabase } from './targets.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const GROUP_WAIT_SECONDS = 30;

/** What was said to whom: "hook: opened", and when, in milliseconds since the test began. */
export interface Said {
  readonly what: string;
  readonly atMs: number;
}

/** The dev client with its targets, its channels and a clock of its own; its workflow is played. */
export class AlertedClient {
  readonly db: TargetDatabase;
  /** UTC milliseconds; alerts that are changed by hand say the time of this machine, which is earlier. */
  readonly startedAt = Math.ceil(Date.now() / SECOND) * SECOND + MINUTE;
  now = this.startedAt;
  private readonly caller = { clientId: DEV_CLIENT_ID, keyId: crypto.randomUUID() };

  private constructor(db: TargetDatabase) {
    this.db = db;
  }

  /** Its settings name nobody; one channel, "hook", takes everything. */
  static async open(settings: Partial<Settings> = {}): Promise<AlertedClient> {
    const client = new AlertedClient(await openTargetDatabase());
    await client.set({ notificationEmail: null, ...settings });
    await client.addChannel('hook');
    return client;
  }

  close(): Promise<void> {
    return this.db.close();
  }

  async set(settings: Partial<Settings>): Promise<void> {
    await new SettingsRepository(this.em(), this.caller).update(() => settings);
  }

  /** @returns its id */
  async addChannel(name: string, overrides: Parameters<typeof buildChannel>[0] = {}): Promise<string> {
    const id = crypto.randomUUID();
    await this.channels().create(id, 'webhook', buildChannel({ name, recipient: name, ...overrides }));
    return id;
  }

  channels(): ChannelRepository {
    return new ChannelRepository(this.em(), this.caller, TEST_SECRETS);
  }

  alerts(): AlertRepository {
    return new AlertRepository(this.em(), this.caller);
  }

  create(overrides: Partial<TargetDefinition> = {}): Promise<Target> {
    return this.db.create(overrides);
  }

  /** As the recorder does when checks turn targets, all in one transaction. */
  async turn(status: 'up' | 'down', ...targets: readonly Pick<Target, 'id'>[]): Promise<void> {
    const at = new Date(this.now).toISOString();
    await inTransaction(this.em(), async (db) => {
      const { rows } = await sql<{ key: number }>`
        update http_target_states s set status = ${status}, last_state_change_at = ${at}::timestamptz,
          last_status_code = ${status === 'down' ? null : 200}::int,
          last_error_message = ${status === 'down' ? 'Connection refused by shop:443' : null},
          episode = episode + ${status === 'down' ? 1 : 0}
        from http_targets t where t.key = s.target_key and t.id = any(${targets.map(({ id }) => id)}::uuid[])
        returning t.key
      `.execute(db);
      await syncAlerts(
        db,
        'http_target',
        rows.map(({ key }) => key),
      );
    });
  }

  /** One look of its workflow. @returns in how many milliseconds it wants to look again; null for never */
  async plan(reach?: ReachFaultPoint): Promise<number | null> {
    const { nextAt } = await new ClientPlanRepository(this.em(), {
      defaults: { groupWaitSeconds: GROUP_WAIT_SECONDS, stubSlack: false, slackWebhookUrl: null },
      runUrl: () => null,
      ...(reach && { reach }),
    }).plan(DEV_CLIENT_ID, this.now);
    return nextAt === null ? null : nextAt - this.now;
  }

  /** Time goes on; the workflow looks whenever it wants to, and what is to be sent is sent. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    for (;;) {
      const nextInMs = await this.plan();
      await this.send();
      if (nextInMs === null || this.now + nextInMs > until) break;
      this.now += Math.max(nextInMs, 1);
    }
    this.now = until;
    await this.plan();
    await this.send();
  }

  /** All that was said so far, in the order of time. */
  async said(): Promise<readonly Said[]> {
    const { rows } = await sql<Said>`
      select recipient || ': ' || event as what,
        round(extract(epoch from created_at) * 1000 - ${this.startedAt}::float8)::float8 as "atMs"
      from notifications order by created_at, recipient, id
    `.execute(this.kysely());
    return rows;
  }

  async incidents(): Promise<
    readonly { number: number; status: string; alerts: number; title: string; is_flapping: boolean }[]
  > {
    const { rows } = await sql<{
      number: number;
      status: string;
      alerts: number;
      title: string;
      is_flapping: boolean;
    }>`
      select incident_number as number, status, alerts_count as alerts, title, is_flapping
      from incidents order by incident_number
    `.execute(this.kysely());
    return rows;
  }

  /** Of all incidents, in the order in which it was written. */
  async timeline(): Promise<readonly string[]> {
    const { rows } = await sql<{ text: string }>`select text from incident_events order by id`.execute(
      this.kysely(),
    );
    return rows.map(({ text }) => text);
  }

  em() {
    return this.db.orm.em.fork();
  }

  kysely() {
    return this.em().getKysely<object>();
  }

  private async send(): Promise<void> {
    const ledger = new NotificationLedger(this.em());
    const { rows } = await sql<{ id: string }>`
      select id from notifications where status = 'pending' order by created_at, id
    `.execute(this.kysely());
    for (const { id } of rows) {
      const attempt = await ledger.begin(id, 'played', this.now);
      if (attempt.kind !== 'begun') continue;
      const sent = { status: 'success', error: null, answer: 'HTTP 200', nextAttemptAt: null } as const;
      await ledger.end(attempt, sent, this.now);
    }
  }
}
