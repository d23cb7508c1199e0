import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const DEFAULTS = {
  notification_email: null,
  heartbeat_threshold_minutes: 5,
  consecutive_failures_threshold: 2,
  alert_grouping_enabled: true,
  slack_webhook_url: null,
  slack_channel_name: null,
  alert_grouping_window_seconds: 300,
  reminder_notification_seconds: 0,
  grace_period_seconds: 0,
  notify_on_resolve: true,
};

describe('#settings', () => {
  it('should begin with the defaults', async () => {
    const answer = await (await api.newClient()).get('/settings');
    expect([answer.status, answer.body]).toEqual([200, DEFAULTS]);
  });

  it('should change what is sent and answer with the whole', async () => {
    const client = await api.newClient();
    const first = await client.put('/settings', { notification_email: 'ops@example.com' });
    expect(first.body).toEqual({ ...DEFAULTS, notification_email: 'ops@example.com' });
    const all = {
      ...DEFAULTS,
      heartbeat_threshold_minutes: 7,
      consecutive_failures_threshold: 3,
      alert_grouping_enabled: false,
      slack_channel_name: '#ops',
      alert_grouping_window_seconds: 86_400,
      reminder_notification_seconds: 60,
      grace_period_seconds: 86_400,
      notify_on_resolve: false,
    };
    expect((await client.put('/settings', all)).body).toEqual(all);
    expect((await client.put('/settings', {})).body).toEqual(all);
    expect((await client.get('/settings')).body).toEqual(all);
  });

  it('should keep both of two changes at the same time', async () => {
    const client = await api.newClient();
    await Promise.all([
      client.put('/settings', { heartbeat_threshold_minutes: 9 }),
      client.put('/settings', { consecutive_failures_threshold: 8 }),
    ]);
    expect((await client.get('/settings')).body).toMatchObject({
      heartbeat_threshold_minutes: 9,
      consecutive_failures_threshold: 8,
    });
  });

  it('should belong to one client', async () => {
    const [one, other] = [await api.newClient(), await api.newClient()];
    await one.put('/settings', { notification_email: 'one@example.com' });
    expect((await other.get('/settings')).body).toEqual(DEFAULTS);
  });

  it('should refuse what makes no sense, all at once', async () => {
    const answer = await (
      await api.newClient()
    ).put('/settings', {
      notification_email: 'nobody',
      heartbeat_threshold_minutes: 0,
      consecutive_failures_threshold: 101,
      alert_grouping_enabled: null,
      alert_grouping_window_seconds: 0,
      reminder_notification_seconds: 59,
      grace_period_seconds: 86_401,
      notify_on_resolve: null,
      slack_webhook_url: 'http://169.254.169.254/hook',
      slack_channel_name: 'a\nb',
      slack_token: 'x',
    });
    expect(answer.status).toBe(422);
    expect(fieldIssues(answer)).toEqual({
      'body.notification_email': 'value_error',
      'body.heartbeat_threshold_minutes': 'greater_than_equal',
      'body.consecutive_failures_threshold': 'less_than_equal',
      'body.alert_grouping_enabled': 'bool_type',
      'body.alert_grouping_window_seconds': 'greater_than_equal',
      'body.reminder_notification_seconds': 'greater_than_equal',
      'body.grace_period_seconds': 'less_than_equal',
      'body.notify_on_resolve': 'bool_type',
      'body.slack_webhook_url': 'url_barred',
      'body.slack_channel_name': 'value_error',
      'body.slack_token': 'extra_forbidden',
    });
  });

  it('should hand another heartbeat threshold on to the machines of the client, once', async () => {
    const [one, other] = [await api.newClient(), await api.newClient()];
    const machines = [await machineOf(one.clientId), await machineOf(other.clientId)];
    const sweeps = api.heartbeats.sweeps;
    await one.put('/settings', { heartbeat_threshold_minutes: 9 });
    expect(await versionsOf(machines)).toEqual([2, 1]);
    expect(api.heartbeats.sweeps).toBe(sweeps + 1);
    await one.put('/settings', { heartbeat_threshold_minutes: 9, notification_email: null });
    await one.put('/settings', { consecutive_failures_threshold: 4 });
    expect(await versionsOf(machines)).toEqual([2, 1]);
    expect(api.heartbeats.sweeps).toBe(sweeps + 1);
  });

  it('should accept another heartbeat threshold while Temporal is away', async () => {
    const client = await api.newClient();
    api.heartbeats.isThere = false;
    const answer = await client.put('/settings', { heartbeat_threshold_minutes: 11 });
    api.heartbeats.isThere = true;
    expect(answer.status).toBe(200);
    expect((await client.get('/settings')).body).toMatchObject({ heartbeat_threshold_minutes: 11 });
  });
});

/** @returns its id */
async function machineOf(clientId: string): Promise<string> {
  const id = crypto.randomUUID();
  const db = api.orm.em.fork().getKysely<object>();
  await sql`insert into machines (id, client_id, hostname) values (${id}, ${clientId}, ${id})`.execute(db);
  return id;
}

async function versionsOf(ids: readonly string[]): Promise<number[]> {
  const { rows } = await sql<{ version: number }>`
    select version from machines where id = any(${ids}::uuid[]) order by array_position(${ids}::uuid[], id)
  `.execute(api.orm.em.fork().getKysely<object>());
  return rows.map(({ version }) => version);
}
