import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { StoredMetrics, type RowRef } from '../support/storedMetrics.ts';

let api: ApiUnderTest;
let owner: ApiClient;
let stranger: ApiClient;
let machine: RowRef;
let metrics: RowRef[];
beforeAll(async () => {
  api = await startApi();
  owner = await api.newClient();
  stranger = await api.newClient();
  const rows = new StoredMetrics(api.orm);
  machine = await rows.insertMachine({ clientId: owner.clientId });
  metrics = [
    await rows.insertMetric(machine, { name: 'load' }),
    await rows.insertMetric(machine, { name: 'ok', type: 'boolean' }),
    await rows.insertMetric(machine, { name: 'version', type: 'string' }),
  ];
});
afterAll(() => api.close());

describe('another client', () => {
  it('should meet 404 at every route of a machine and a metric that are not its own', async () => {
    const [metric] = metrics;
    const before = (await owner.get(`/machines/${machine.id}/detail`)).text;
    const of = (path: string) => `/metrics/${metric?.id ?? ''}/${path}`;
    const answers = await Promise.all([
      stranger.get(`/machines/${machine.id}/detail`),
      stranger.request('PATCH', `/machines/${machine.id}/pause`, { body: { paused: true } }),
      stranger.delete(`/machines/${machine.id}`),
      stranger.get(`/metrics/${machine.id}`),
      stranger.get(of('samples')),
      stranger.get(of('samples?buckets=10')),
      stranger.post(of('thresholds/default'), { comparison: 'gt', value_num: 1 }),
      stranger.request('PATCH', of('alerting'), { body: { alert_enabled: false } }),
      stranger.request('PATCH', of('pause'), { body: { paused: true } }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(new Array(9).fill(404));
    expect((await stranger.get('/machines')).body).toEqual([]);
    const listed = await stranger.get(`/metrics?machine_id=${machine.id}`);
    expect(listed.body).toEqual({ items: [], total: 0, next_cursor: null });
    expect((await owner.get(`/machines/${machine.id}/detail`)).text).toBe(before);
    expect([api.heartbeats.changed, api.heartbeats.retired]).toEqual([[], []]);
  });

  it('should learn nothing from a cursor that is not its own', async () => {
    const { next_cursor: cursor } = (await owner.get('/metrics?limit=1')).body as { next_cursor: string };
    expect((await stranger.get(`/metrics?cursor=${cursor}`)).body).toMatchObject({ items: [] });
  });
});

describe('hostile input', () => {
  const text = fc.string({ unit: 'binary', maxLength: 30 });
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -5, max: 5 }),
    fc.constantFrom(-0, 5e-324, Number.MAX_VALUE, 2 ** 31),
  );
  const value = fc.oneof(number, fc.jsonValue(), text);
  const body = fc.record(
    {
      comparison: fc.oneof(
        fc.constantFrom('gt', 'ge', 'lt', 'le', 'eq', 'ne', 'contains', 'outside', '>', 'gte'),
        value,
      ),
      value_num: fc.oneof(number, value),
      value_bool: fc.oneof(fc.boolean(), value),
      value_str: fc.oneof(text, value),
      value_low: fc.oneof(number, value),
      value_high: fc.oneof(number, value),
      recovery_value: fc.oneof(number, value),
      severity: fc.oneof(fc.constantFrom('info', 'critical'), value),
      consecutive_breaches: fc.oneof(fc.integer({ min: 1, max: 1_000 }), value),
      cooldown_sec: fc.oneof(fc.integer({ min: 0, max: 604_800 }), value),
      condition: value,
      threshold: number,
      alert_enabled: fc.boolean(),
    },
    { requiredKeys: [] },
  );

  it('should never be a fault of ours: any threshold', async () => {
    const which = fc.integer({ min: 0, max: 2 });
    const property = fc.asyncProperty(which, fc.oneof(body, fc.jsonValue()), async (index, sent) => {
      const answer = await owner.post(`/metrics/${metrics[index]?.id ?? ''}/thresholds/default`, sent);
      expect([200, 422]).toContain(answer.status);
    });
    await fc.assert(property, { numRuns: 150 });
  });

  it('should never be a fault of ours: any query', async () => {
    const names = fc.constantFrom(
      ...['q', 'status', 'machine_id', 'name', 'type', 'from', 'to', 'buckets', 'limit', 'cursor'],
    );
    const time = fc
      .date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true })
      .map((date) => date.toISOString());
    const place = fc.tuple(fc.nat(), fc.nat()).map(([page, line]) => `(${page},${line})`);
    const key = fc.oneof(fc.jsonValue(), fc.tuple(fc.nat()), fc.tuple(time, fc.oneof(place, fc.uuid())));
    const cursor = key.map((parts) => Buffer.from(JSON.stringify(parts)).toString('base64url'));
    const query = fc.dictionary(names, fc.oneof(text, time, cursor, fc.integer().map(String)), {
      maxKeys: 4,
    });
    const paths = ['/machines', '/metrics', `/metrics/${machine.id}`];
    const ofSamples = metrics.map(({ id }) => `/metrics/${id}/samples`);
    const path = fc.constantFrom(...paths, ...ofSamples);
    const property = fc.asyncProperty(path, query, async (asked, fields) => {
      const answer = await owner.get(`${asked}?${new URLSearchParams(fields).toString()}`);
      expect([200, 422]).toContain(answer.status);
    });
    await fc.assert(property, { numRuns: 250 });
  });
});
