import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';
import { StoredMetrics, type RowRef } from '../support/storedMetrics.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');

let api: ApiUnderTest;
let rows: StoredMetrics;
let client: ApiClient;
let machine: RowRef;
beforeAll(async () => {
  api = await startApi({ clock: { now: () => NOW } });
  rows = new StoredMetrics(api.orm);
});
afterAll(() => api.close());
beforeEach(async () => {
  client = await api.newClient();
  machine = await rows.insertMachine({ clientId: client.clientId });
});

interface Page {
  items: { id: string; name: string; machine_id: string }[];
  total: number;
  next_cursor: string | null;
}
const page = async (query = ''): Promise<Page> => {
  const answer = await client.get(`/metrics${query}`);
  expect(answer.status).toBe(200);
  return answer.body as Page;
};
const names = ({ items }: Pick<Page, 'items'>): string[] => items.map(({ name }) => name);

describe('#metrics.list', () => {
  it('should show every field of a metric with its machine', async () => {
    const { id } = await rows.insertMetric(machine, {
      name: 'disk_used[/var]',
      unit: '%',
      group: 'disk',
      vendor: 'acme',
      isSuggestedCritical: true,
      latest: { at: '2025-01-01T00:00:00Z', value: 0, receivedAt: '2026-06-01T11:59:00Z' },
    });
    expect(await page()).toEqual({
      items: [
        {
          id,
          machine_id: machine.id,
          name: 'disk_used[/var]',
          dimension_value: '/var',
          type: 'numeric',
          unit: '%',
          group_name: 'disk',
          vendor: 'acme',
          baseline_value: null,
          last_value: 0,
          last_seen: '2026-06-01T11:59:00.000Z',
          state: 'OK',
          needs_threshold: true,
          is_alerting_enabled: true,
          is_paused: false,
          is_suggested_critical: true,
        },
      ],
      total: 1,
      next_cursor: null,
    });
  });

  it('should give the last value in its own type', async () => {
    await rows.insertMetric(machine, { name: 'never' });
    const at = '2026-06-01T11:59:00Z';
    await rows.insertMetric(machine, { name: 'ok', type: 'boolean', latest: { at, value: false } });
    await rows.insertMetric(machine, { name: 'version', type: 'string', latest: { at, value: '' } });
    expect((await page()).items).toMatchObject([
      { last_value: null },
      { last_value: false },
      { last_value: '' },
    ]);
  });

  it('should give the mean of the last seven days that are over as what is usual', async () => {
    const metric = await rows.insertMetric(machine, { name: 'cpu_load' });
    const flag = await rows.insertMetric(machine, { name: 'ok', type: 'boolean' });
    await rows.insertDays(metric, [
      { at: '2026-05-24', samples: 10, total: 1_000, low: 100, high: 100 },
      { at: '2026-05-25', samples: 10, total: 10, low: 0, high: 2 },
      { at: '2026-05-31', samples: 30, total: 90, low: 1, high: 5 },
    ]);
    await rows.insertDays(flag, [{ at: '2026-05-31', samples: 30, trues: 10 }]);
    expect((await page()).items).toMatchObject([{ baseline_value: 2.5 }, { baseline_value: null }]);
    expect((await client.get(`/metrics/${machine.id}`)).body).toMatchObject([
      { baseline_value: 2.5 },
      { baseline_value: null },
    ]);
    const paused = await client.request('PATCH', `/metrics/${metric.id}/pause`, { body: { paused: true } });
    expect(paused.body).toMatchObject({ metric: { baseline_value: 2.5 } });
  });

  it('should tell what is usual of the largest and the smallest numbers too', async () => {
    const large = await rows.insertMetric(machine, { name: 'large' });
    const small = await rows.insertMetric(machine, { name: 'small' });
    for (const at of ['2026-05-30', '2026-05-31']) {
      await rows.insertDays(large, [{ at, samples: 1, total: 1.7e308, low: 1.7e308, high: 1.7e308 }]);
      await rows.insertDays(small, [{ at, samples: 9, total: 5e-324, low: 0, high: 5e-324 }]);
    }
    expect((await page()).items).toMatchObject([
      { baseline_value: expect.any(Number) },
      { baseline_value: expect.any(Number) },
    ]);
  });

  it('should filter by machine, name, type and state, and count what it finds', async () => {
    const other = await rows.insertMachine({ clientId: client.clientId });
    await rows.insertMetric(machine, { name: 'disk_used[/]', state: 'breached' });
    await rows.insertMetric(machine, { name: 'disk_used[/var]' });
    await rows.insertMetric(other, { name: 'disk_used[/var]', state: 'stale' });
    await rows.insertMetric(other, { name: 'ok', type: 'boolean' });
    await rows.insertMetric(other, { name: 'disk_used_peak' });
    const found = async (query: string) => {
      const { items, total } = await page(`?${query}`);
      expect(total).toBe(items.length);
      return names({ items });
    };
    expect(await found(`machine_id=${machine.id.toUpperCase()}`)).toEqual([
      'disk_used[/]',
      'disk_used[/var]',
    ]);
    expect(await found('name=disk_used')).toEqual(['disk_used[/]', 'disk_used[/var]', 'disk_used[/var]']);
    expect(await found(`name=${encodeURIComponent('disk_used[/var]')}&machine_id=${other.id}`)).toEqual([
      'disk_used[/var]',
    ]);
    expect(await found('name=disk')).toEqual([]);
    expect(await found('type=boolean')).toEqual(['ok']);
    expect(await found('status=breached')).toEqual(['disk_used[/]']);
    expect(await found('status=STALE')).toEqual(['disk_used[/var]']);
    expect(await found('status=ok&type=numeric')).toEqual(['disk_used[/var]', 'disk_used_peak']);
    expect(await found(`machine_id=${randomUUID()}`)).toEqual([]);
  });

  it('should show each page once, whatever comes to be meanwhile, with the total of all', async () => {
    for (const name of 'abcde') await rows.insertMetric(machine, { name });
    const first = await page('?limit=2');
    const gone = await rows.insertMachine({ clientId: client.clientId });
    await rows.insertMetric(gone, { name: 'gone' });
    await client.delete(`/machines/${gone.id}`);
    await rows.insertMetric(machine, { name: 'f' });
    const second = await page(`?limit=2&cursor=${first.next_cursor ?? ''}`);
    const third = await page(`?limit=2&cursor=${second.next_cursor ?? ''}`);
    expect([first, second, third].flatMap(names)).toEqual('abcdef'.split(''));
    expect([first.total, second.total, third.total, third.next_cursor]).toEqual([5, 6, 6, null]);
  });

  it.each([
    ['limit=0&machine_id=x', { 'query.limit': 'greater_than_equal', 'query.machine_id': 'value_error' }],
    ['type=float', { 'query.type': 'literal_error' }],
    ['status=NO_DATA', { 'query.status': 'literal_error' }],
    ['name=', { 'query.name': 'string_too_short' }],
    ['q=x', { 'query.q': 'extra_forbidden' }],
    ['name=%00', { 'query.name': 'string_unicode' }],
    ['cursor=nonsense', { 'query.cursor': 'cursor' }],
    [`cursor=${Buffer.from('[2147483648]').toString('base64url')}`, { 'query.cursor': 'cursor' }],
    [`cursor=${Buffer.from('[1.5]').toString('base64url')}`, { 'query.cursor': 'cursor' }],
    [`cursor=${Buffer.from('[-1]').toString('base64url')}`, { 'query.cursor': 'cursor' }],
  ])('should refuse ?%s', async (query, expected) => {
    const answer = await client.get(`/metrics?${query}`);
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
  });
});

describe('#metrics.listByMachine', () => {
  it('should answer a bare array in pages', async () => {
    const other = await rows.insertMachine({ clientId: client.clientId });
    await rows.insertMetric(other, { name: 'elsewhere' });
    for (const name of 'abc') await rows.insertMetric(machine, { name });
    const all = await client.get(`/metrics/${machine.id.toUpperCase()}`);
    expect(names({ items: all.body as Page['items'] })).toEqual('abc'.split(''));
    expect((all.body as Page['items'])[0]).not.toHaveProperty('machine_id');
    const first: ApiResponse = await client.get(`/metrics/${machine.id}?limit=2`);
    const link = /<\/api\/v1(.*)>; rel="next"/.exec(first.headers.get('Link') ?? '')?.[1] ?? '';
    expect(link).toContain(first.headers.get('X-Next-Cursor'));
    const second = await client.get(link);
    expect([first, second].flatMap(({ body }) => names({ items: body as Page['items'] }))).toEqual(
      'abc'.split(''),
    );
    expect(second.headers.get('Link')).toBeNull();
  });

  it('should answer 404 for every machine that is not there, and 422 before', async () => {
    for (const id of [randomUUID(), 'nonsense', '1']) {
      expect((await client.get(`/metrics/${id}`)).status).toBe(404);
      expect((await client.get(`/metrics/${id}?limit=x`)).status).toBe(422);
    }
  });
});
