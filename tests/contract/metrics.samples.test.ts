import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MetricType } from '../../src/domain/threshold.ts';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';
import { StoredMetrics, type RowRef } from '../support/storedMetrics.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let api: ApiUnderTest;
let rows: StoredMetrics;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi({ clock: { now: () => NOW } });
  rows = new StoredMetrics(api.orm);
  client = await api.newClient();
});
afterAll(() => api.close());
beforeEach(() => rows.setRolledUpUntil(ago(HOUR)));

const ago = (ms: number): string => new Date(NOW - ms).toISOString();

async function insertMetric(type: MetricType = 'numeric'): Promise<RowRef> {
  const machine = await rows.insertMachine({ clientId: client.clientId });
  return rows.insertMetric(machine, { type });
}

interface Samples {
  from: string;
  to: string;
  bucket_seconds: number | null;
  items: (string | number | boolean)[][];
  next_cursor: string | null;
}
async function samplesOf({ id }: RowRef, query: Record<string, string | number> = {}): Promise<Samples> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) search.set(name, String(value));
  const answer = await client.get(`/metrics/${id}/samples?${search.toString()}`);
  expect(answer.status).toBe(200);
  return answer.body as Samples;
}

async function allPages(metric: RowRef, query: Record<string, string | number>): Promise<Samples[]> {
  const pages = [await samplesOf(metric, query)];
  for (let cursor = pages[0]?.next_cursor ?? null; cursor !== null;) {
    const page = await samplesOf(metric, { ...query, cursor });
    pages.push(page);
    cursor = page.next_cursor;
  }
  return pages;
}

describe('#metrics.samples', () => {
  it.each<[MetricType, (number | boolean | string)[]]>([
    ['numeric', [0.42, -1e-300]],
    ['boolean', [false, true]],
    ['string', ['1.0.0', '']],
  ])('should give the %s samples of the last hour as they are, oldest first', async (type, [one, two]) => {
    const metric = await insertMetric(type);
    await rows.insertSamples(metric, [
      [ago(HOUR + 1), one ?? 0],
      [ago(0), two ?? 0],
      [ago(HOUR), one ?? 0],
    ]);
    expect(await samplesOf(metric)).toEqual({
      from: ago(HOUR),
      to: ago(-1),
      bucket_seconds: null,
      items: [
        [ago(HOUR), one],
        [ago(0), two],
      ],
      next_cursor: null,
    });
  });

  it('should take any range, with its end excluded', async () => {
    const metric = await insertMetric();
    await rows.insertSamples(
      metric,
      [1, 2, 3, 4].map((days) => [ago(days * DAY), days] as const),
    );
    const { items } = await samplesOf(metric, { from: ago(3 * DAY), to: ago(DAY) });
    expect(items).toEqual([
      [ago(3 * DAY), 3],
      [ago(2 * DAY), 2],
    ]);
    expect((await samplesOf(metric, { from: '1970-01-01T00:00:00Z' })).items).toHaveLength(4);
    expect((await samplesOf(metric, { to: '1970-01-01T00:10:00Z' })).items).toEqual([]);
  });

  it('should give each sample once in pages, also those of one time, while others come in', async () => {
    const metric = await insertMetric();
    const at = ago(10 * MINUTE);
    await rows.insertSamples(metric, [
      [ago(20 * MINUTE), 0],
      ...[1, 2, 3, 3, 4].map((value) => [at, value] as const),
      [ago(5 * MINUTE), 5],
    ]);
    const first = await samplesOf(metric, { limit: 3 });
    await rows.insertSamples(metric, [
      [ago(30 * MINUTE), 99],
      [ago(MINUTE), 6],
    ]);
    const rest = await allPages(metric, { limit: 3, cursor: first.next_cursor ?? '' });
    expect([first, ...rest].flatMap(({ items }) => items.map(([, value]) => value))).toEqual([
      0, 1, 2, 3, 3, 4, 5, 6,
    ]);
  });

  it.each([
    ['from=yesterday', { 'query.from': 'datetime_parsing' }],
    ['to=10000-01-01T00:00:00Z', { 'query.to': 'datetime_parsing' }],
    ['from=1969-12-31T23:59:59Z', { 'query.from': 'range' }],
    [`from=${ago(-1)}`, { 'query.from': 'datetime_past' }],
    [`from=${ago(HOUR)}&to=${ago(HOUR)}`, { 'query.to': 'range' }],
    ['to=0001-01-01T00:00:00Z', { 'query.to': 'range' }],
    ['from=2020-01-01T00:00:00Z&buckets=10', { 'query.from': 'range' }],
    ['to=9999-12-31T23:59:59Z&buckets=1', { 'query.to': 'range' }],
    ['buckets=0&limit=1001', { 'query.buckets': 'greater_than_equal', 'query.limit': 'less_than_equal' }],
    ['buckets=1001', { 'query.buckets': 'less_than_equal' }],
    ['buckets=ten', { 'query.buckets': 'int_parsing' }],
    ['step=60', { 'query.step': 'extra_forbidden' }],
    ['cursor=nonsense', { 'query.cursor': 'cursor' }],
    [`cursor=${cursorOf('2026-01-01T00:00:00Z', '(99999999999,1)')}`, { 'query.cursor': 'cursor' }],
    [`cursor=${cursorOf('2026-01-01T00:00:00Z', '(0,1)')}&buckets=2`, { 'query.cursor': 'cursor' }],
  ])('should refuse ?%s', async (query, expected) => {
    const { id } = await insertMetric();
    const answer = await client.get(`/metrics/${id}/samples?${query}`);
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
  });
});

function cursorOf(...key: string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

describe('#metrics.samples in buckets', () => {
  it('should give the lowest, the mean and the highest value of each bucket that has samples', async () => {
    const metric = await insertMetric();
    await rows.insertSamples(metric, [
      [ago(HOUR), 1],
      [ago(HOUR - 1), 2],
      [ago(30 * MINUTE + 1), 6],
      [ago(MINUTE), -5],
    ]);
    const query = { from: ago(HOUR), to: ago(0) };
    expect(await samplesOf(metric, { ...query, buckets: 4 })).toEqual({
      ...query,
      bucket_seconds: 900,
      items: [
        [ago(HOUR), 1, 1.5, 2],
        [ago(45 * MINUTE), 6, 6, 6],
        [ago(15 * MINUTE), -5, -5, -5],
      ],
      next_cursor: null,
    });
    expect((await samplesOf(metric, { ...query, buckets: 1 })).items).toEqual([[ago(HOUR), -5, 1, 6]]);
  });

  it('should give the share of true of a boolean metric', async () => {
    const metric = await insertMetric('boolean');
    await rows.insertSamples(metric, [
      [ago(40 * MINUTE), true],
      [ago(39 * MINUTE), false],
      [ago(38 * MINUTE), true],
      [ago(37 * MINUTE), true],
      [ago(MINUTE), false],
    ]);
    expect((await samplesOf(metric, { from: ago(HOUR), to: ago(0), buckets: 2 })).items).toEqual([
      [ago(HOUR), 0.75],
      [ago(30 * MINUTE), 0],
    ]);
  });

  it('should give the changes of a string metric, in pages', async () => {
    const metric = await insertMetric('string');
    const values = ['a', 'a', 'b', 'b', 'b', 'a', 'c', 'c'];
    await rows.insertSamples(
      metric,
      values.map((value, index) => [ago((50 - index) * MINUTE), value] as const),
    );
    const expected = [
      [ago(50 * MINUTE), 'a'],
      [ago(48 * MINUTE), 'b'],
      [ago(45 * MINUTE), 'a'],
      [ago(44 * MINUTE), 'c'],
    ];
    expect(await samplesOf(metric, { buckets: 10 })).toMatchObject({ items: expected, next_cursor: null });
    for (const limit of [1, 2, 3, 4]) {
      const pages = await allPages(metric, { buckets: 10, limit });
      expect(pages.flatMap(({ items }) => items)).toEqual(expected);
      expect(pages).toHaveLength(Math.ceil(4 / limit));
    }
  });

  it('should find a change also far behind samples that are all the same', async () => {
    const metric = await insertMetric('string');
    const same = Array.from({ length: 12_000 }, (_, index) => [ago(6 * HOUR - index * 1_000), 'a'] as const);
    for (let start = 0; start < same.length; start += 4_000) {
      await rows.insertSamples(metric, same.slice(start, start + 4_000));
    }
    await rows.insertSamples(metric, [[ago(MINUTE), 'b']]);
    const pages = await allPages(metric, { from: ago(6 * HOUR), buckets: 10 });
    expect(pages.flatMap(({ items }) => items)).toEqual([
      [ago(6 * HOUR), 'a'],
      [ago(MINUTE), 'b'],
    ]);
    expect(pages).toHaveLength(2);
  });

  it('should read hours that are over from their rollups, and the rest from samples', async () => {
    const metric = await insertMetric();
    await rows.setRolledUpUntil(ago(2 * HOUR));
    await rows.insertHours(metric, [
      { at: ago(48 * HOUR), samples: 2, total: 10, low: 1, high: 9 },
      { at: ago(3 * HOUR), samples: 3, total: 3, low: 0, high: 2 },
      // Rolled up while somebody asks: not counted twice.
      { at: ago(2 * HOUR), samples: 1, total: 1_000, low: 1_000, high: 1_000 },
    ]);
    await rows.insertSamples(metric, [
      [ago(48 * HOUR), 77],
      [ago(2.5 * HOUR), 77],
      [ago(2 * HOUR), 4],
      [ago(MINUTE), 6],
    ]);
    expect(await samplesOf(metric, { from: ago(48 * HOUR), to: ago(0), buckets: 48 })).toMatchObject({
      bucket_seconds: 3_600,
      items: [
        [ago(48 * HOUR), 1, 5, 9],
        [ago(3 * HOUR), 0, 1, 2],
        [ago(2 * HOUR), 4, 4, 4],
        [ago(HOUR), 6, 6, 6],
      ],
    });
    expect((await samplesOf(metric, { from: ago(48 * HOUR), to: ago(0), buckets: 3 })).items).toEqual([
      [ago(48 * HOUR), 1, 5, 9],
      [ago(16 * HOUR), 0, (3 + 4 + 6) / 5, 6],
    ]);
  });

  it('should read days that are over from their rollups, then hours, then samples', async () => {
    const metric = await insertMetric('boolean');
    await rows.setRolledUpUntil('2026-06-01T11:00:00Z');
    await rows.insertDays(metric, [
      { at: '2025-06-01', samples: 4, trues: 1 },
      { at: '2026-05-31', samples: 10, trues: 5 },
    ]);
    await rows.insertHours(metric, [
      { at: '2026-05-31T23:00:00Z', samples: 9, trues: 9 },
      { at: '2026-06-01T00:00:00Z', samples: 3, trues: 3 },
      { at: '2026-06-01T10:00:00Z', samples: 3, trues: 0 },
    ]);
    await rows.insertSamples(metric, [
      ['2026-06-01T10:59:59.999Z', true],
      ['2026-06-01T11:00:00Z', false],
      ['2026-06-01T11:30:00Z', true],
    ]);
    expect(await samplesOf(metric, { from: '2025-06-01T08:00:00Z', to: ago(0), buckets: 400 })).toMatchObject(
      {
        from: '2025-06-01T00:00:00.000Z',
        to: '2026-06-02T00:00:00.000Z',
        bucket_seconds: 86_400,
        items: [
          ['2025-06-01T00:00:00.000Z', 0.25],
          ['2026-05-31T00:00:00.000Z', 0.5],
          ['2026-06-01T00:00:00.000Z', 4 / 8],
        ],
      },
    );
  });

  it('should read a day of long ago from what is kept of it', async () => {
    const metric = await insertMetric();
    await rows.insertDays(metric, [{ at: '2026-01-01', samples: 2, total: 4, low: 1, high: 3 }]);
    const query = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T06:00:00Z', buckets: 6 };
    expect(await samplesOf(metric, query)).toMatchObject({
      bucket_seconds: 86_400,
      items: [['2026-01-01T00:00:00.000Z', 1, 2, 3]],
    });
  });

  it('should stay within what was measured, also at the ends of what a number can hold', async () => {
    const metric = await insertMetric();
    const extremes = [1.7e308, 1.7e308, 1.7e308];
    await rows.insertSamples(
      metric,
      extremes.map((value, index) => [ago(HOUR - index), value] as const),
    );
    await rows.insertSamples(metric, [
      [ago(MINUTE), 5e-324],
      [ago(MINUTE - 1), 0],
      [ago(MINUTE - 2), 0],
    ]);
    const { items } = await samplesOf(metric, { from: ago(HOUR), to: ago(0), buckets: 2 });
    expect(items).toEqual([
      [ago(HOUR), 1.7e308, 1.7e308, 1.7e308],
      [ago(30 * MINUTE), 0, 0, 5e-324],
    ]);
  });
});
