import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AlertRows } from '../support/alertRows.ts';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';
import { LedgerWorker } from '../support/ledgerWorker.ts';

let api: ApiUnderTest;
let rows: AlertRows;
let worker: LedgerWorker;
let client: ApiClient;
const clock = { value: Date.UTC(2026, 5, 1, 12), now: () => clock.value };
const NOW = '2026-06-01T12:00:00.000Z';
const BEFORE = '2026-06-01T11:00:00.000Z';
beforeAll(async () => {
  api = await startApi({ clock });
  rows = new AlertRows(api.orm);
  worker = new LedgerWorker(api);
});
afterAll(() => api.close());
beforeEach(async () => {
  clock.value = Date.UTC(2026, 5, 1, 12);
  client = await api.newClient();
});

const insert = (status: 'firing' | 'resolved' = 'firing') =>
  rows.insert({ clientId: client.clientId, status, triggeredAt: BEFORE });
const news = () => worker.takeNews(client.clientId);

describe('#alerts.acknowledge', () => {
  const acknowledge = (id: string, body?: unknown): Promise<ApiResponse> =>
    client.request('POST', `/alerts/${id}/acknowledge`, body === undefined ? {} : { body });

  it('should note who has seen it and why, and tell the workflow of the client', async () => {
    const id = await insert();
    const answer = await acknowledge(id, {
      note: ' on it\nback at ten ',
      expires_at: '2026-06-01T16:00:00+02:00',
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      ...{ id, status: 'ACKNOWLEDGED', acknowledged_at: NOW, acknowledged_by: 'test' },
      ...{
        acknowledgement_note: 'on it\nback at ten',
        acknowledgement_expires_at: '2026-06-01T14:00:00.000Z',
      },
      ...{ resolved_at: null },
    });
    expect(await news()).toEqual(['acknowledged']);
    expect((await client.get('/alerts?status=acknowledged')).body).toEqual([answer.body]);
  });

  it('should need no body, and change nothing when it is said again', async () => {
    const id = await insert();
    const first = await acknowledge(id);
    expect(first.body).toMatchObject({ status: 'ACKNOWLEDGED', acknowledgement_note: null });
    clock.value += 60_000;
    for (const again of [
      await acknowledge(id),
      await acknowledge(id, {}),
      await acknowledge(id, { note: null }),
    ]) {
      expect(again).toMatchObject({ status: 200, body: first.body });
    }
    expect(await news()).toEqual(['acknowledged']);
    clock.value += 60_000;
    const longer = await acknowledge(id, { expires_at: '2026-06-02T00:00:00Z' });
    expect(longer.body).toMatchObject({
      acknowledged_at: '2026-06-01T12:02:00.000Z',
      acknowledgement_expires_at: '2026-06-02T00:00:00.000Z',
    });
    expect(await news()).toEqual(['acknowledged']);
  });

  it('should count once, of several at the same time', async () => {
    const id = await insert();
    const answers = await Promise.all(Array.from({ length: 6 }, () => acknowledge(id, { note: 'on it' })));
    expect(answers.map(({ status }) => status)).toEqual(new Array(6).fill(200));
    expect(await news()).toEqual(['acknowledged']);
  });

  it('should refuse what makes no sense', async () => {
    const id = await insert();
    const issues = async (body: unknown) => fieldIssues(await acknowledge(id, body));
    expect(await issues({ note: '  ', expires_at: BEFORE, by: 'me' })).toEqual({
      'body.note': 'string_too_short',
      'body.expires_at': 'datetime_future',
      'body.by': 'extra_forbidden',
    });
    expect(await issues({ note: 'bell \u0007', expires_at: '2027-06-03T12:00:00Z' })).toEqual({
      'body.note': 'value_error',
      'body.expires_at': 'datetime_future',
    });
    expect(await issues({ note: 'x'.repeat(2_001), expires_at: 'tomorrow' })).toEqual({
      'body.note': 'string_too_long',
      'body.expires_at': 'datetime_parsing',
    });
    expect(await news()).toEqual([]);
    expect((await client.get('/alerts')).body).toMatchObject([{ status: 'FIRING' }]);
  });

  it('should say of one that is over that there is nothing to acknowledge', async () => {
    const answer = await acknowledge(await insert('resolved'));
    expect(answer).toMatchObject({
      status: 409,
      body: { detail: { message: expect.stringContaining('2026-06-01T11:01:00.000Z') } },
    });
    expect(await news()).toEqual([]);
  });
});

describe('#alerts.resolve', () => {
  const resolve = (id: string, body?: unknown): Promise<ApiResponse> =>
    client.request('POST', `/alerts/${id}/resolve`, body === undefined ? {} : { body });

  it('should end it with who and why, once', async () => {
    const id = await insert();
    const answer = await resolve(id, { note: 'known, will be taken down' });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      ...{ id, status: 'RESOLVED', resolved_at: NOW, resolved_by: 'test' },
      resolution: 'resolved by hand: known, will be taken down',
    });
    expect(await news()).toEqual(['resolved']);
    clock.value += 60_000;
    expect(await resolve(id)).toMatchObject({ status: 200, body: answer.body });
    expect(await news()).toEqual([]);
  });

  it('should leave one as it is that was over by itself', async () => {
    const answer = await resolve(await insert('resolved'), { note: 'late' });
    expect(answer).toMatchObject({
      status: 200,
      body: { resolved_by: null, resolution: 'it answers again' },
    });
  });

  it('should refuse what makes no sense', async () => {
    const answer = await resolve(await insert(), { note: 7, expires_at: NOW });
    expect(fieldIssues(answer)).toEqual({ 'body.note': 'string_type', 'body.expires_at': 'extra_forbidden' });
  });
});

describe('another client', () => {
  it('should meet 404, as at an alert that is none', async () => {
    const id = await insert();
    const stranger = await api.newClient();
    for (const verb of ['acknowledge', 'resolve']) {
      const answers = [
        await stranger.post(`/alerts/${id}/${verb}`, {}),
        await client.post(`/alerts/${crypto.randomUUID()}/${verb}`, {}),
        await client.post(`/alerts/nonsense/${verb}`, {}),
      ];
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    }
    expect((await client.get('/alerts')).body).toMatchObject([{ id, status: 'FIRING' }]);
    expect(await news()).toEqual([]);
  });
});
