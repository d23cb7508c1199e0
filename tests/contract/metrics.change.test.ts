import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';
import { StoredMetrics, type RowRef } from '../support/storedMetrics.ts';

let api: ApiUnderTest;
let rows: StoredMetrics;
let client: ApiClient;
let machine: RowRef;
let metric: RowRef;
beforeAll(async () => {
  api = await startApi();
  rows = new StoredMetrics(api.orm);
  client = await api.newClient();
});
afterAll(() => api.close());
beforeEach(async () => {
  machine = await rows.insertMachine({ clientId: client.clientId });
  metric = await rows.insertMetric(machine);
});

const patch = (what: string, body: unknown, id = metric.id) =>
  client.request('PATCH', `/metrics/${id}/${what}`, { body });

describe('#metrics.alerting', () => {
  it('should take both names and answer with the metric', async () => {
    const answer = await patch('alerting', { alert_enabled: false });
    expect([answer.status, answer.body]).toMatchObject([
      200,
      { success: true, metric: { id: metric.id, machine_id: machine.id, is_alerting_enabled: false } },
    ]);
    expect((await patch('alerting', { enabled: true })).body).toMatchObject({
      metric: { is_alerting_enabled: true },
    });
  });

  it.each([
    [{}, { 'body.alert_enabled': 'missing' }],
    [{ alert_enabled: true, enabled: true }, { 'body.enabled': 'alias_conflict' }],
    [{ alert_enabled: 'no' }, { 'body.alert_enabled': 'bool_type' }],
    [{ enabled: null }, { 'body.enabled': 'bool_type' }],
    [{ alert_enabled: true, for: 'ever' }, { 'body.for': 'extra_forbidden' }],
    [[], { body: 'dict_type' }],
  ])('should refuse %j', async (body, expected) => {
    const answer = await patch('alerting', body);
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
  });
});

describe('#metrics.pause', () => {
  it('should pause and resume, and leave what evaluation decides alone', async () => {
    const evaluation = () =>
      rows.execute(sql`select * from metric_evaluations where metric_key = ${metric.key}`);
    const before = await evaluation();
    expect((await patch('pause', { paused: true })).body).toMatchObject({
      success: true,
      metric: { id: metric.id, is_paused: true },
    });
    expect((await patch('pause', { paused: false })).body).toMatchObject({ metric: { is_paused: false } });
    expect(await evaluation()).toEqual(before);
  });

  it('should refuse what is no boolean', async () => {
    expect(fieldIssues(await patch('pause', { paused: 1 }))).toEqual({ 'body.paused': 'bool_type' });
    expect(fieldIssues(await patch('pause', {}))).toEqual({ 'body.paused': 'missing' });
  });
});

describe('#metrics changes', () => {
  it('should answer 422 before 404 and 404 for every id that is not there', async () => {
    for (const id of [randomUUID(), 'nonsense', '%00', '../settings', '1'].map(encodeURIComponent)) {
      expect((await patch('pause', { paused: 'x' }, id)).status).toBe(422);
      expect((await patch('pause', { paused: true }, id)).status).toBe(404);
      expect((await patch('alerting', {}, id)).status).toBe(422);
      expect((await patch('alerting', { enabled: true }, id)).status).toBe(404);
      const path = `/metrics/${id}/thresholds/default`;
      expect((await client.post(path, { severity: 'x' })).status).toBe(422);
      expect((await client.post(path, { comparison: 'gt', value_num: 1 })).status).toBe(404);
      expect((await client.get(`/metrics/${id}/samples?buckets=0`)).status).toBe(422);
      expect((await client.get(`/metrics/${id}/samples`)).status).toBe(404);
    }
  });
});
