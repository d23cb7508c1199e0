import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AlertRows } from '../support/alertRows.ts';
import { allPages } from '../support/allPages.ts';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';
import { machineRows } from '../support/machineRows.ts';

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

const ids = ({ body }: ApiResponse): string[] => (body as { id: string }[]).map(({ id }) => id);

describe('#alerts.list', () => {
  it('should answer a bare array of every field, the newest first', async () => {
    const { clientId } = client;
    const httpTargetId = crypto.randomUUID();
    const incidentId = await rows.insertIncident({ clientId });
    const old = await rows.insert({
      ...{ clientId, httpTargetId, incidentId, triggeredAt: '2026-06-01T10:00:00.000123Z' },
      message: 'shop is down: Connection refused by shop:443',
      details: { subject: 'shop', failure_class: 'connect', consecutive_failures: 2 },
    });
    const fresh = await rows.insert({ clientId, triggeredAt: '2026-06-01T11:00:00Z' });
    const answer = await client.get('/alerts');
    expect(ids(answer)).toEqual([fresh, old]);
    expect((answer.body as unknown[])[1]).toEqual({
      ...{ id: old, source: 'http_target', status: 'FIRING', severity: 'critical' },
      message: 'shop is down: Connection refused by shop:443',
      details: { subject: 'shop', failure_class: 'connect', consecutive_failures: 2 },
      ...{ http_target_id: httpTargetId, machine_id: null, metric_instance_id: null, machine: null },
      ...{ incident_id: incidentId, triggered_at: '2026-06-01T10:00:00.000Z' },
      ...{ acknowledged_at: null, acknowledged_by: null },
      ...{ acknowledgement_note: null, acknowledgement_expires_at: null },
      ...{ resolved_at: null, resolved_by: null, resolution: null },
      temporal_url: `http://temporal.example.com/namespaces/default/workflows/http-target%2F${httpTargetId}`,
    });
    expect(answer.headers.get('Link')).toBeNull();
  });

  it('should name the machine, and the run that watches it', async () => {
    const { clientId } = client;
    const machineId = await machineRows(api.orm).create({ clientId, hostname: 'web-1' });
    await rows.insert({ clientId, source: 'heartbeat', machineId });
    await rows.insert({ clientId, source: 'monitor', triggeredAt: '2026-06-01T10:00:00Z' });
    expect((await client.get('/alerts')).body).toMatchObject([
      {
        machine: { hostname: 'web-1' },
        temporal_url: expect.stringContaining(`machine-heartbeat%2F${machineId}`),
      },
      { machine: null, temporal_url: expect.stringContaining(`notifications%2F${clientId}`) },
    ]);
  });

  it('should filter by what it is, whom it is about, and time', async () => {
    const { clientId } = client;
    const incidentId = await rows.insertIncident({ clientId });
    const [targetId, machineId] = [crypto.randomUUID(), await machineRows(api.orm).create({ clientId })];
    const target = await rows.insert({
      ...{ clientId, httpTargetId: targetId, incidentId, triggeredAt: '2026-06-01T10:00:00Z' },
    });
    const machine = await rows.insert({
      ...{
        clientId,
        source: 'heartbeat',
        machineId,
        status: 'resolved',
        triggeredAt: '2026-06-01T11:00:00Z',
      },
    });
    const certificate = await rows.insert({
      ...{ clientId, source: 'certificate', severity: 'info', triggeredAt: '2026-06-01T12:00:00Z' },
      ...{ httpTargetId: targetId, status: 'acknowledged' },
    });
    const found = async (query: string) => ids(await client.get(`/alerts?${query}`));
    expect(await found('status=FIRING')).toEqual([target]);
    expect(await found('status=resolved')).toEqual([machine]);
    expect(await found('status=Acknowledged')).toEqual([certificate]);
    expect(await found('severity=info')).toEqual([certificate]);
    expect(await found('severity=warning')).toEqual([]);
    expect(await found('source=heartbeat')).toEqual([machine]);
    expect(await found('source=HTTP_TARGET&severity=critical&status=firing')).toEqual([target]);
    expect(await found(`http_target_id=${targetId.toUpperCase()}`)).toEqual([certificate, target]);
    expect(await found(`machine_id=${machineId}`)).toEqual([machine]);
    expect(await found(`incident_id=${incidentId}`)).toEqual([target]);
    expect(await found('from=2026-06-01T11:00:00Z')).toEqual([certificate, machine]);
    expect(await found('to=2026-06-01T11:00:00Z')).toEqual([target]);
    expect(await found('from=2026-06-01T13:00:00%2B02:00&to=2026-06-01T14:00:00%2B02:00')).toEqual([machine]);
  });

  it('should show each page once, whatever is written meanwhile', async () => {
    const { clientId } = client;
    const made: string[] = [];
    for (const index of [0, 1, 2, 3, 4]) {
      made.push(await rows.insert({ clientId, triggeredAt: `2026-06-01T10:00:00.00000${index}Z` }));
    }
    const seen = await allPages(client, '/alerts?limit=2&status=firing', () => rows.insert({ clientId }));
    expect(seen).toMatchObject(made.reverse().map((id) => ({ id })));
  });

  it('should refuse what makes no sense', async () => {
    const answer = await client.get('/alerts?status=open&severity=bad&source=disk&from=now&limit=0&q=x');
    expect(answer.status).toBe(422);
    expect(fieldIssues(answer)).toEqual({
      'query.status': 'literal_error',
      'query.severity': 'literal_error',
      'query.source': 'literal_error',
      'query.from': 'datetime_parsing',
      'query.limit': 'greater_than_equal',
      'query.q': 'extra_forbidden',
    });
    expect(fieldIssues(await client.get('/alerts?cursor=WzFd'))).toEqual({ 'query.cursor': 'cursor' });
  });

  it('should have an answer to any query', async () => {
    await rows.insert({ clientId: client.clientId });
    const names = fc.constantFrom(
      'status',
      'severity',
      'source',
      'machine_id',
      'from',
      'to',
      'limit',
      'cursor',
    );
    const time = fc
      .date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true })
      .map((date) => date.toISOString());
    const cursor = fc
      .oneof(fc.jsonValue(), fc.tuple(time, fc.uuid()))
      .map((parts) => Buffer.from(JSON.stringify(parts)).toString('base64url'));
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    const query = fc.dictionary(names, fc.oneof(text, time, cursor, fc.uuid(), fc.nat().map(String)));
    const property = fc.asyncProperty(query, async (fields) => {
      const answer = await client.get(`/alerts?${new URLSearchParams(fields).toString()}`);
      expect([200, 422]).toContain(answer.status);
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('should be for whose they are', async () => {
    await rows.insert({ clientId: client.clientId });
    const stranger = await api.newClient();
    expect((await stranger.get('/alerts')).body).toEqual([]);
    expect((await api.anonymous.get('/alerts')).status).toBe(401);
  });
});
