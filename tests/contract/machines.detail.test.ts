import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { StoredMetrics, type StoredMetricOptions } from '../support/storedMetrics.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');

let api: ApiUnderTest;
let rows: StoredMetrics;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi({ clock: { now: () => NOW } });
  rows = new StoredMetrics(api.orm);
  client = await api.newClient();
});
afterAll(() => api.close());

const ago = (seconds: number): string => new Date(NOW - seconds * 1_000).toISOString();

interface Detail {
  machine: Record<string, unknown>;
  metrics: Record<string, unknown>[];
}

async function detailOf(status: string, ...metrics: StoredMetricOptions[]): Promise<Detail> {
  const machine = await rows.insertMachine({
    clientId: client.clientId,
    status,
    osVersion: 'Debian 13',
    lastSeenAt: ago(1),
  });
  for (const metric of metrics) await rows.insertMetric(machine, metric);
  const answer = await client.get(`/machines/${machine.id.toUpperCase()}/detail`);
  expect(answer.status).toBe(200);
  return answer.body as Detail;
}

describe('#machines.detail', () => {
  it('should show the machine and every field of its metrics, by name', async () => {
    const { machine, metrics } = await detailOf(
      'up',
      { name: 'version', type: 'string', latest: { at: ago(7_200), value: '1.0.0' } },
      {
        name: 'cpu_load',
        unit: 'ratio',
        group: 'cpu',
        description: 'How busy it is.',
        isSuggestedCritical: true,
        defaultCondition: 'gt',
        latest: { at: ago(12), value: 0.42 },
      },
      { name: 'service_nginx_ok', type: 'boolean', latest: { at: ago(300), value: false } },
    );
    expect(machine).toMatchObject({ status: 'UP', os_version: 'Debian 13', metrics_count: 3 });
    expect(metrics.map(({ name }) => name)).toEqual(['cpu_load', 'service_nginx_ok', 'version']);
    expect(metrics[0]).toEqual({
      id: expect.any(String),
      name: 'cpu_load',
      type: 'numeric',
      unit: 'ratio',
      group_name: 'cpu',
      description: 'How busy it is.',
      status: 'OK',
      is_alerting_enabled: true,
      is_paused: false,
      is_firing: false,
      is_suggested_critical: true,
      needs_threshold: true,
      default_condition: 'gt',
      last_sample: {
        ts: '2026-06-01T11:59:48.000Z',
        ts_epoch: 1_780_315_188,
        age_sec: 12,
        age_human: '12 s',
        value_type: 'numeric',
        num_value: 0.42,
        bool_value: null,
        str_value: null,
      },
      default_threshold: null,
    });
    expect(metrics.slice(1)).toMatchObject([
      { last_sample: { value_type: 'boolean', bool_value: false, num_value: null, age_human: '5 min' } },
      { last_sample: { value_type: 'string', str_value: '1.0.0', bool_value: null, age_human: '2 h' } },
    ]);
  });

  it('should say that there is no data: no sample, stale, or the machine is not up', async () => {
    const latest = { at: ago(5), value: 1 };
    const states = async (status: string) =>
      (await detailOf(status, { name: 'a', latest }, { name: 'b' }, { name: 'c', state: 'stale', latest }))
        .metrics;
    expect(await states('up')).toMatchObject([
      { status: 'OK' },
      { status: 'NO_DATA', last_sample: null },
      { status: 'NO_DATA', last_sample: { num_value: 1 } },
    ]);
    for (const status of ['down', 'unknown', 'paused']) {
      expect((await states(status)).map((metric) => metric['status'])).toEqual(new Array(3).fill('NO_DATA'));
    }
  });

  it('should show the threshold, and that the metric fires', async () => {
    const machine = await rows.insertMachine({ clientId: client.clientId });
    const metric = await rows.insertMetric(machine, { state: 'breached', isSuggestedCritical: true });
    const set = await client.post(`/metrics/${metric.id}/thresholds/default`, {
      comparison: 'outside',
      value_low: 5,
      value_high: 35,
    });
    const { threshold } = set.body as { threshold: unknown };
    const shown = async () => (await client.get(`/machines/${machine.id}/detail`)).body;
    expect(await shown()).toMatchObject({
      machine: { open_incidents_count: 1 },
      metrics: [{ is_firing: true, needs_threshold: false, default_threshold: threshold }],
    });
    await client.request('PATCH', `/metrics/${metric.id}/alerting`, { body: { alert_enabled: false } });
    expect(await shown()).toMatchObject({
      machine: { open_incidents_count: 0 },
      metrics: [{ is_firing: false, is_alerting_enabled: false }],
    });
  });
});
