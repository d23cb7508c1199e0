import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AlertRows } from '../support/alertRows.ts';
import { allPages } from '../support/allPages.ts';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';

let api: ApiUnderTest;
let rows: AlertRows;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi();
  rows = new AlertRows(api.orm);
});
afterAll(() => api.close());
beforeEach(async () => {
  client = await api.newClient();
});

const numbers = ({ body }: ApiResponse): number[] =>
  (body as { incident_number: number }[]).map(({ incident_number: number }) => number);

describe('#incidents.list', () => {
  it('should answer a bare array of every field, the highest number first', async () => {
    const { clientId } = client;
    const first = await rows.insertIncident({ clientId, number: 1, openedAt: '2026-06-01T10:00:00Z' });
    await rows.insert({ clientId, incidentId: first });
    await rows.insertIncident({ clientId, number: 2, status: 'resolved', alertsCount: 3 });
    const answer = await client.get('/incidents');
    expect(numbers(answer)).toEqual([2, 1]);
    const [second, shown] = answer.body as unknown[];
    expect(second).toMatchObject({ status: 'RESOLVED', description: 'All 3 alerts are over' });
    expect(shown).toEqual({
      ...{ id: first, incident_number: 1, title: 'shop is down', status: 'OPEN', severity: 'critical' },
      ...{ description: '1 of 1 alert is open; not acknowledged', type: 'http_target' },
      ...{ is_flapping: false, alerts_count: 1 },
      ...{ http_target_id: null, machine_id: null, metric_instance_id: null },
      ...{ created_at: '2026-06-01T10:00:00.000Z', acknowledged_at: null, resolved_at: null },
    });
  });

  it('should filter by status, severity and time', async () => {
    const { clientId } = client;
    await rows.insertIncident({ clientId, number: 1, openedAt: '2026-06-01T10:00:00Z', status: 'resolved' });
    await rows.insertIncident({ clientId, number: 2, openedAt: '2026-06-01T11:00:00Z', severity: 'info' });
    const found = async (query: string) => numbers(await client.get(`/incidents?${query}`));
    expect(await found('status=open')).toEqual([2]);
    expect(await found('status=RESOLVED')).toEqual([1]);
    expect(await found('severity=info')).toEqual([2]);
    expect(await found('from=2026-06-01T11:00:00Z')).toEqual([2]);
    expect(await found('to=2026-06-01T11:00:00Z')).toEqual([1]);
    const answer = await client.get('/incidents?status=firing&severity=7&from=x&cursor=WyJhIl0&q=1');
    expect(fieldIssues(answer)).toEqual({
      'query.status': 'literal_error',
      'query.severity': 'literal_error',
      'query.from': 'datetime_parsing',
      'query.q': 'extra_forbidden',
    });
    expect(fieldIssues(await client.get('/incidents?cursor=WyJhIl0'))).toEqual({ 'query.cursor': 'cursor' });
  });

  it('should show each page once, whatever is opened meanwhile', async () => {
    const { clientId } = client;
    for (const number of [1, 2, 3, 4, 5]) await rows.insertIncident({ clientId, number });
    let next = 5;
    const seen = await allPages(client, '/incidents?limit=2', () =>
      rows.insertIncident({ clientId, number: (next += 1) }),
    );
    expect(seen).toMatchObject([5, 4, 3, 2, 1].map((number) => ({ incident_number: number })));
  });
});

describe('#incidents.show', () => {
  it('should show its alerts, open ones first, and what has happened in the order of time', async () => {
    const { clientId } = client;
    const incidentId = await rows.insertIncident({ clientId, alertsCount: 3 });
    const insert = (status: 'firing' | 'resolved', triggeredAt: string) =>
      rows.insert({ clientId, incidentId, status, triggeredAt });
    const over = await insert('resolved', '2026-06-01T12:00:00Z');
    const old = await insert('firing', '2026-06-01T10:00:00Z');
    const fresh = await insert('firing', '2026-06-01T11:00:00Z');
    await rows.insertEvents(incidentId, [
      { at: '2026-06-01T12:00:00Z', text: 'later' },
      { at: '2026-06-01T10:00:00Z', text: 'first' },
      { at: '2026-06-01T10:00:00Z', text: 'at the same time' },
    ]);
    const { status, body } = await client.get(`/incidents/${incidentId}`);
    expect(status).toBe(200);
    const { alerts, timeline, ...incident } = body as {
      alerts: { id: string }[];
      timeline: { text: string }[];
    };
    expect(incident).toMatchObject({
      id: incidentId,
      description: '2 of 3 alerts are open; not acknowledged',
    });
    expect(alerts.map(({ id }) => id)).toEqual([fresh, old, over]);
    expect(timeline.map(({ text }) => text)).toEqual(['first', 'at the same time', 'later']);
    expect(timeline[0]).toEqual({
      at: '2026-06-01T10:00:00.000Z',
      kind: 'alert',
      text: 'first',
      actor: null,
    });
  });

  it('should show the last of a timeline that is very long, and say how long it is', async () => {
    const incidentId = await rows.insertIncident({ clientId: client.clientId });
    const events = Array.from({ length: 1_001 }, (_, index) => ({
      at: new Date(Date.UTC(2026, 5, 1) + index).toISOString(),
      text: String(index),
    }));
    await rows.insertEvents(incidentId, events);
    const { body } = await client.get(`/incidents/${incidentId}`);
    const { timeline, timeline_count: count } = body as {
      timeline: { text: string }[];
      timeline_count: number;
    };
    expect(count).toBe(1_001);
    expect([timeline.length, timeline[0]?.text, timeline.at(-1)?.text]).toEqual([1_000, '1', '1000']);
  });

  it('should say that a flapping one stays open', async () => {
    const { clientId } = client;
    const id = await rows.insertIncident({ clientId, isFlapping: true, alertsCount: 4 });
    expect((await client.get(`/incidents/${id}`)).body).toMatchObject({
      ...{ status: 'OPEN', is_flapping: true },
      description: 'None of 4 alerts is open; flapping: it stays open until nothing has changed for an hour',
    });
  });
});

describe('#incidents.notes', () => {
  it('should write a note with who wrote it', async () => {
    const id = await rows.insertIncident({ clientId: client.clientId });
    const answer = await client.post(`/incidents/${id}/notes`, { text: ' restarted\nthe balancer ' });
    expect(answer).toMatchObject({
      status: 201,
      body: { at: expect.any(String), kind: 'note', text: 'restarted\nthe balancer', actor: 'test' },
    });
    expect((await client.get(`/incidents/${id}`)).body).toMatchObject({ timeline: [answer.body] });
  });

  it('should refuse what is no note', async () => {
    const id = await rows.insertIncident({ clientId: client.clientId });
    const issues = async (body: unknown) => fieldIssues(await client.post(`/incidents/${id}/notes`, body));
    expect(await issues({})).toEqual({ 'body.text': 'missing' });
    expect(await issues({ text: '' })).toEqual({ 'body.text': 'string_too_short' });
    expect(await issues({ text: 'a', actor: 'the boss' })).toEqual({ 'body.actor': 'extra_forbidden' });
  });
});

describe('another client', () => {
  it('should meet 404, as at an incident that is none', async () => {
    const id = await rows.insertIncident({ clientId: client.clientId });
    const stranger = await api.newClient();
    const answers = [
      await stranger.get(`/incidents/${id}`),
      await stranger.post(`/incidents/${id}/notes`, { text: 'hello' }),
      await client.get(`/incidents/${crypto.randomUUID()}`),
      await client.post('/incidents/nonsense/notes', { text: 'hello' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    expect((await stranger.get('/incidents')).body).toEqual([]);
  });
});
