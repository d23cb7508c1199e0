import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import {
  readClientAlerting,
  type ClientAlerting,
} from '../../src/db/repositories/alerting/clientAlerting.ts';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';
import { LedgerWorker } from '../support/ledgerWorker.ts';
import { NotificationRows } from '../support/notificationRows.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';

const ADDRESS = 'https://hooks.example.com/services/T0/B0/slack-token-31';
const MASKED = 'https://hooks.example.com/••••';

let api: ApiUnderTest;
let worker: LedgerWorker;
let receiver: Receiver;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi();
  worker = new LedgerWorker(api);
});
afterAll(() => api.close());
beforeEach(async () => {
  client = await api.newClient();
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const put = (body: unknown) => client.put('/settings', body);

/** As the workflow of the client sees the settings; of an installation without a Slack of its own. */
function alerting(): Promise<ClientAlerting> {
  const defaults = { groupWaitSeconds: 30, stubSlack: false, slackWebhookUrl: null };
  return readClientAlerting(api.orm.em.fork().getKysely<object>(), client.clientId, defaults);
}

describe('#settings.slack_webhook_url', () => {
  it('should be masked in every answer, and stay what it is when the mask is sent back', async () => {
    expect((await put({ slack_webhook_url: ADDRESS })).body).toMatchObject({ slack_webhook_url: MASKED });
    const { body } = await client.get('/settings');
    expect(body).toMatchObject({ slack_webhook_url: MASKED });
    const before = await storedRow();
    expect((await put(body)).body).toEqual(body);
    expect((await put({ slack_webhook_url: ADDRESS })).body).toEqual(body);
    expect(await storedRow()).toBe(before);
  });

  it('should be where messages go, in the channel that is named', async () => {
    await put({ slack_webhook_url: `${receiver.origin}/slack-token-31`, slack_channel_name: ' #ops ' });
    await put({ slack_webhook_url: `${receiver.origin}/••••`, notify_on_resolve: false });
    const rows = new NotificationRows(api.orm);
    await worker.deliver(await rows.insert({ clientId: client.clientId, status: 'pending' }));
    expect(receiver.received).toMatchObject([{ path: '/slack-token-31' }]);
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({ channel: '#ops' });
  });

  it('should be cleared by null', async () => {
    await put({
      slack_webhook_url: ADDRESS,
      slack_channel_name: '#ops',
      notification_email: 'a@example.com',
    });
    expect((await alerting()).destinations.map(({ key }) => key)).toEqual([
      'settings:email',
      'settings:slack',
    ]);
    const cleared = { slack_webhook_url: null, slack_channel_name: null, notification_email: null };
    expect((await put(cleared)).body).toMatchObject(cleared);
    expect((await alerting()).destinations).toEqual([]);
  });

  it('should not be a mask of another address, or of none', async () => {
    expect(fieldIssues(await put({ slack_webhook_url: MASKED }))).toEqual({
      'body.slack_webhook_url': 'masked_value',
    });
    await put({ slack_webhook_url: ADDRESS });
    const answer = await put({
      slack_webhook_url: 'https://other.example.com/••••',
      notification_email: 'a@example.com',
    });
    expect(answer.status).toBe(422);
    expect((await client.get('/settings')).body).toMatchObject({
      slack_webhook_url: MASKED,
      notification_email: null,
    });
  });

  it.each([
    ['hooks', 'url_parsing'],
    ['ftp://hooks.example.com/a', 'url_scheme'],
    ['https://me:secret@hooks.example.com/a', 'url_credentials'],
    [`https://hooks.example.com/${'x'.repeat(2_000)}`, 'url_too_long'],
    [7, 'string_type'],
  ])('should not be %j', async (sent, type) => {
    expect(fieldIssues(await put({ slack_webhook_url: sent }))).toEqual({ 'body.slack_webhook_url': type });
  });

  it('should be in no log line and no column as it is', async () => {
    await put({ slack_webhook_url: ADDRESS });
    const told = `${api.logText()}${await storedRow()}`;
    expect(told).not.toContain('slack-token-31');
    expect(told).not.toContain(Buffer.from('slack-token-31').toString('hex'));
  });
});

describe('the workflow of a client', () => {
  it('should go by the defaults that the API tells, where nothing was set', async () => {
    const { body } = await client.get('/settings');
    const before = await alerting();
    await put(body);
    await put({ heartbeat_threshold_minutes: 7 });
    expect(await alerting()).toEqual(before);
    expect(before.rules).toMatchObject({
      isGroupingEnabled: true,
      groupingWindowMs: 300_000,
      reminderMs: 0,
      graceMs: 0,
      notifyOnResolve: true,
    });
  });

  it('should go by what is set', async () => {
    await put({
      alert_grouping_enabled: false,
      alert_grouping_window_seconds: 60,
      reminder_notification_seconds: 3_600,
      grace_period_seconds: 90,
      notify_on_resolve: false,
    });
    expect((await alerting()).rules).toMatchObject({
      isGroupingEnabled: false,
      groupingWindowMs: 60_000,
      reminderMs: 3_600_000,
      graceMs: 90_000,
      notifyOnResolve: false,
    });
  });

  it('should hear of each change, and of nothing that changes nothing', async () => {
    const heard = () => worker.takeNews(client.clientId);
    await put({ slack_webhook_url: ADDRESS });
    expect(await heard()).toEqual(['configured']);
    await put({ grace_period_seconds: 5, consecutive_failures_threshold: 3 });
    expect(await heard()).toEqual(['configured']);
    await put({});
    await put({ slack_webhook_url: MASKED, grace_period_seconds: 5 });
    await put({ grace_period_seconds: -1 });
    expect(await heard()).toEqual([]);
    await put({ slack_webhook_url: null });
    expect(await heard()).toEqual(['configured']);
  });
});

async function storedRow(): Promise<string> {
  const { rows } = await sql<{ row: string }>`
    select row_to_json(s)::text as row from client_settings s where client_id = ${client.clientId}
  `.execute(api.orm.em.fork().getKysely<object>());
  return rows[0]?.row ?? '';
}
