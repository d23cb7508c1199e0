import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AlertRows } from '../support/alertRows.ts';
import { allPages } from '../support/allPages.ts';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';
import { LedgerWorker } from '../support/ledgerWorker.ts';
import { NotificationRows } from '../support/notificationRows.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';

let api: ApiUnderTest;
let worker: LedgerWorker;
let rows: NotificationRows;
let receiver: Receiver;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi();
  worker = new LedgerWorker(api);
  rows = new NotificationRows(api.orm);
});
afterAll(() => api.close());
beforeEach(async () => {
  client = await api.newClient();
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const ids = ({ body }: ApiResponse): string[] => (body as { id: string }[]).map(({ id }) => id);

describe('#notifications.list', () => {
  it('should answer a bare array of every field, the newest first', async () => {
    const { clientId } = client;
    const incidentId = await new AlertRows(api.orm).insertIncident({ clientId });
    const old = await rows.insert({ clientId, incidentId, createdAt: '2026-06-01T10:00:00.000123Z' });
    const fresh = await rows.insert({ clientId, createdAt: '2026-06-01T11:00:00Z' });
    const answer = await client.get('/notifications');
    expect(ids(answer)).toEqual([fresh, old]);
    expect((answer.body as unknown[])[1]).toEqual({
      id: old,
      client_id: clientId,
      incident_id: incidentId,
      alert_id: null,
      channel_id: null,
      provider: 'slack',
      recipient: 'masked',
      event: 'opened',
      status: 'success',
      severity: 'critical',
      message: 'shop is down',
      error_message: null,
      provider_answer: null,
      attempts: 1,
      is_possible_duplicate: false,
      created_at: '2026-06-01T10:00:00.000Z',
      sent_at: '2026-06-01T10:00:00.000Z',
      next_attempt_at: null,
    });
    expect(answer.headers.get('Link')).toBeNull();
  });

  it('should filter by status, incident and time', async () => {
    const { clientId } = client;
    const incidentId = await new AlertRows(api.orm).insertIncident({ clientId });
    const sent = await rows.insert({ clientId, incidentId, createdAt: '2026-06-01T10:00:00Z' });
    const failed = await rows.insert({
      clientId,
      status: 'failed',
      incidentId,
      createdAt: '2026-06-01T11:00:00Z',
    });
    const skipped = await rows.insert({
      clientId,
      status: 'skipped_not_configured',
      createdAt: '2026-06-01T12:00:00Z',
    });
    const found = async (query: string) => ids(await client.get(`/notifications?${query}`));
    expect(await found('status=success')).toEqual([sent]);
    expect(await found('status=FAILED')).toEqual([failed]);
    expect(await found('status=skipped_not_configured')).toEqual([skipped]);
    expect(await found('status=pending')).toEqual([]);
    expect(await found(`incident_id=${incidentId.toUpperCase()}`)).toEqual([failed, sent]);
    expect(await found(`incident_id=${incidentId}&status=failed`)).toEqual([failed]);
    expect(await found(`incident_id=${crypto.randomUUID()}`)).toEqual([]);
    expect(await found('from=2026-06-01T11:00:00Z')).toEqual([skipped, failed]);
    expect(await found('to=2026-06-01T11:00:00Z')).toEqual([sent]);
    expect(await found('from=2026-06-01T13:00:00%2B02:00&to=2026-06-01T14:00:00%2B02:00')).toEqual([failed]);
  });

  it('should show each page once, whatever is written meanwhile', async () => {
    const { clientId } = client;
    const made: string[] = [];
    // Within one millisecond, as when many channels hear of one incident.
    for (const index of [0, 1, 2, 3, 4]) {
      made.push(await rows.insert({ clientId, createdAt: `2026-06-01T10:00:00.00000${index}Z` }));
    }
    const seen = await allPages(client, '/notifications?limit=2&status=success', () =>
      rows.insert({ clientId }),
    );
    expect(seen).toMatchObject(made.reverse().map((id) => ({ id })));
  });

  it('should refuse what makes no sense', async () => {
    const answer = await client.get(
      '/notifications?status=lost&incident_id=7&from=yesterday&limit=1001&q=shop',
    );
    expect(answer.status).toBe(422);
    expect(fieldIssues(answer)).toEqual({
      'query.status': 'literal_error',
      'query.incident_id': 'value_error',
      'query.from': 'datetime_parsing',
      'query.limit': 'less_than_equal',
      'query.q': 'extra_forbidden',
    });
    expect(fieldIssues(await client.get('/notifications?cursor=WzFd'))).toEqual({ 'query.cursor': 'cursor' });
  });

  it('should have an answer to any query', async () => {
    await rows.insert({ clientId: client.clientId });
    const names = fc.constantFrom('status', 'incident_id', 'from', 'to', 'limit', 'cursor');
    const time = fc
      .date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true })
      .map((date) => date.toISOString());
    const cursor = fc
      .oneof(fc.jsonValue(), fc.tuple(time, fc.uuid()))
      .map((parts) => Buffer.from(JSON.stringify(parts)).toString('base64url'));
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    const query = fc.dictionary(names, fc.oneof(text, time, cursor, fc.uuid(), fc.nat().map(String)));
    const property = fc.asyncProperty(query, async (fields) => {
      const answer = await client.get(`/notifications?${new URLSearchParams(fields).toString()}`);
      expect([200, 422]).toContain(answer.status);
    });
    await fc.assert(property, { numRuns: 150 });
  });
});

describe('#notifications.resend', () => {
  const resend = (id: string): Promise<ApiResponse> => client.post(`/notifications/${id}/resend`);

  it('should send one that was given up, and say nothing of a repeat', async () => {
    await client.put('/settings', { slack_webhook_url: `${receiver.origin}/slack` });
    const id = await rows.insert({
      ...{ clientId: client.clientId, status: 'failed', attempts: 40, error: 'Given up' },
    });
    await worker.takeNews(client.clientId);
    const answer = await resend(id);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      ...{ id, status: 'pending', attempts: 40, error_message: null, is_possible_duplicate: false },
      ...{ next_attempt_at: null, sent_at: null },
    });
    expect(await worker.takeNews(client.clientId)).toEqual(['configured']);
    await worker.deliver(id);
    const [sent] = (await client.get('/notifications')).body as unknown[];
    expect(sent).toMatchObject({ id, status: 'success', attempts: 41, is_possible_duplicate: false });
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]?.body).not.toContain('repeat');
  });

  it('should say of one that was sent that it may be a repeat', async () => {
    await client.put('/settings', { slack_webhook_url: `${receiver.origin}/slack` });
    const id = await rows.insert({ clientId: client.clientId });
    expect((await resend(id)).body).toMatchObject({ status: 'pending', is_possible_duplicate: true });
    await worker.deliver(id);
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]?.body).toContain('repeat');
  });

  it('should be tried for another day where nobody answers', async () => {
    await client.put('/settings', { slack_webhook_url: `${receiver.origin}/slack` });
    receiver.answerWith(503);
    const id = await rows.insert({ clientId: client.clientId, status: 'failed' });
    await resend(id);
    await expect(worker.deliver(id)).rejects.toThrow('503');
    const [waiting] = (await client.get('/notifications?status=pending')).body as unknown[];
    expect(waiting).toMatchObject({ id, next_attempt_at: expect.any(String) });
  });

  it('should leave one alone that is on its way', async () => {
    const id = await rows.insert({ clientId: client.clientId, status: 'pending', error: 'HTTP 503' });
    const answer = await resend(id);
    expect(answer.status).toBe(409);
    expect(answer.body).toEqual({ detail: { message: expect.stringContaining('pending') } });
    expect((await client.get('/notifications')).body).toMatchObject([{ error_message: 'HTTP 503' }]);
    expect(await worker.takeNews(client.clientId)).toEqual([]);
  });

  it('should begin once, of several at the same time', async () => {
    const id = await rows.insert({ clientId: client.clientId, status: 'failed' });
    const answers = await Promise.all(Array.from({ length: 5 }, () => resend(id)));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409, 409]);
    expect(await worker.takeNews(client.clientId)).toEqual(['configured']);
  });

  it('should answer 404 for none, and for that of another client', async () => {
    const id = await rows.insert({ clientId: (await api.newClient()).clientId, status: 'failed' });
    const answers = [await resend(id), await resend(crypto.randomUUID()), await resend('nonsense')];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    expect((await client.get('/notifications')).body).toEqual([]);
  });
});
