import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testChannel } from '../../src/api/commands/testChannel.ts';
import { createSecretBox } from '../../src/db/encryption.ts';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildChannelBody } from '../support/buildChannel.ts';
import { LedgerWorker } from '../support/ledgerWorker.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

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

async function create(overrides: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const config = { url: `${receiver.origin}/hook`, headers: { 'X-Token': 'header-secret-7711' } };
  const answer = await client.post('/channels', buildChannelBody({ config, ...overrides }));
  return (answer.body as { id: string }).id;
}

/** @returns the only message that waits, as soon as there is one */
async function waiting(): Promise<string> {
  let ids: string[] = [];
  await until(async () => (ids = await worker.pending(client.clientId)).length === 1);
  return ids[0] ?? '';
}

describe('#channels.test', () => {
  it('should answer with what became of the message, which is one like any other', async () => {
    const id = await create({ is_active: false });
    await worker.takeNews(client.clientId);
    const answering = client.post(`/channels/${id}/test`);
    const notificationId = await waiting();
    expect(await worker.takeNews(client.clientId)).toEqual(['configured']);
    await worker.deliver(notificationId);
    const { status, body } = await answering;
    expect(status).toBe(200);
    expect(body).toEqual({
      id: notificationId,
      client_id: client.clientId,
      incident_id: null,
      alert_id: null,
      channel_id: id,
      provider: 'webhook',
      recipient: `${receiver.origin}/…`,
      event: 'test',
      status: 'success',
      severity: 'info',
      message: 'Test message from the monitoring server',
      error_message: null,
      provider_answer: expect.stringContaining('200'),
      attempts: 1,
      is_possible_duplicate: false,
      created_at: expect.any(String),
      sent_at: expect.any(String),
      next_attempt_at: null,
    });
    expect((await client.get('/notifications')).body).toEqual([body]);
    expect(receiver.received).toMatchObject([
      { path: '/hook', headers: { 'x-token': 'header-secret-7711', 'x-monitoring-event': 'test' } },
    ]);
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({
      headline: 'Test message from the monitoring server',
      incident: null,
      alerts: [],
    });
  });

  it('should answer with a refusal as well', async () => {
    const id = await create();
    receiver.answerWith(410);
    const answering = client.post(`/channels/${id}/test`);
    await worker.deliver(await waiting());
    const { status, body } = await answering;
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'failed',
      sent_at: null,
      error_message: expect.stringContaining('410'),
    });
  });

  it('should answer after ten seconds with the message that nobody has sent', async () => {
    const id = await create();
    const began = performance.now();
    const answer = await client.post(`/channels/${id}/test`);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ status: 'pending', attempts: 0, channel_id: id });
    const lastedMs = performance.now() - began;
    expect(lastedMs).toBeGreaterThan(9_500);
    expect(lastedMs).toBeLessThan(13_000);
  });

  it('should not keep a server that is to stop', async () => {
    const id = await create();
    const stop = new AbortController();
    const began = performance.now();
    const answering = testChannel({
      em: api.orm.em.fork(),
      caller: { clientId: client.clientId, keyId: client.clientId },
      id,
      deps: {
        secrets: createSecretBox(api.config.encryptionKey),
        clock: { now: () => Date.now() },
        stopping: stop.signal,
      },
    });
    await waiting();
    stop.abort();
    expect(await answering).toMatchObject({ status: 'pending' });
    expect(performance.now() - began).toBeLessThan(8_000);
  });
});
