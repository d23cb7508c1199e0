import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { rollUp as rollUpAll } from '../../src/activities/rollUp.ts';
import { CHECK_ROLLUPS } from '../../src/db/repositories/checkRollups.ts';
import { Rollups } from '../../src/db/repositories/rollups.ts';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildTargetBody } from '../support/buildTarget.ts';
import { insertCheckRows, setRolledUpUntil, type CheckRow } from '../support/checkRows.ts';
import { fieldIssues } from '../support/fieldIssues.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 2, 15, 10, 12, 30, 500);
const THIS_HOUR = Date.UTC(2026, 2, 15, 10);
const TODAY = Date.UTC(2026, 2, 15);

let api: ApiUnderTest;
let client: ApiClient;
let id: string;
beforeAll(async () => {
  api = await startApi({ clock: { now: () => NOW } });
  client = await api.newClient();
});
afterAll(() => api.close());
beforeEach(async () => {
  id = await client.createTarget(buildTargetBody());
  await setRolledUpUntil(api.orm, TODAY - DAY);
});

async function execute(statement: string): Promise<void> {
  await sql.raw(statement).execute(api.orm.em.fork().getKysely<object>());
}

interface Summary {
  from: string;
  to: string;
  checks: number;
  ok: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}
type Uptime = Summary & { window: string; uptime: number | null };
interface Latency {
  from: string;
  to: string;
  bucket_seconds: number;
  items: Summary[];
}

async function uptime(query = ''): Promise<Uptime> {
  const answer = await client.get(`/http-targets/${id}/uptime${query}`);
  expect(answer).toMatchObject({ status: 200 });
  return answer.body as Uptime;
}
async function latency(query: Record<string, string | number> = {}): Promise<Latency> {
  const answer = await client.get(`/http-targets/${id}/latency?${searchOf(query)}`);
  expect(answer).toMatchObject({ status: 200 });
  return answer.body as Latency;
}
function searchOf(query: Record<string, string | number>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) search.set(name, String(value));
  return search.toString();
}
const iso = (at: number): string => new Date(at).toISOString();

function rollUp(now = NOW): Promise<unknown> {
  const rollups = new Rollups(api.orm.em.fork(), CHECK_ROLLUPS);
  return rollUpAll({ rollups, clock: { now: () => now }, progress: () => undefined });
}

/** Days, counted back, in which the target of `insertLongHistory` has checks: those at the edges of windows. */
const LIVELY_DAYS = [
  [92, 88],
  [32, 28],
  [9, 0],
] as const;

/** Checks over three months, rolled up. */
async function insertLongHistory(): Promise<CheckRow[]> {
  const all: CheckRow[] = [];
  for (const [first, last] of LIVELY_DAYS) {
    const from = TODAY - first * DAY;
    const until = last === 0 ? NOW : TODAY - last * DAY;
    const rows = history(from, 7 * MINUTE).filter(({ at }) => at < until);
    await insertCheckRows(api.orm, id, rows);
    await setRolledUpUntil(api.orm, from);
    await rollUp(last === 0 ? NOW : until + 10 * MINUTE);
    all.push(...rows);
  }
  return all;
}

/** One check each `stepMs`, with latencies that differ from hour to hour, a tail, failures and faults of ours. */
function history(from: number, stepMs: number): CheckRow[] {
  return Array.from({ length: Math.floor((NOW - from) / stepMs) }, (_, index) => {
    const at = from + index * stepMs;
    const noise = (index * 7_919) % 100;
    const totalMs = 20 + (Math.floor(at / HOUR) % 24) * 10 + (noise > 97 ? 3_000 : noise);
    return { at, totalMs, outcome: index % 50 === 7 ? 't' : index % 60 === 11 ? 'm' : 'k' };
  });
}

/** The same from the checks themselves. */
function computed(rows: readonly CheckRow[], from: number, to = NOW) {
  const counted = rows.filter(({ at, outcome }) => at >= from && at < to && outcome !== 'm');
  const passed = counted.filter(({ outcome }) => outcome === 'k').map(({ totalMs = 0 }) => totalMs);
  passed.sort((a, b) => a - b);
  const rank = (share: number) => passed[Math.ceil(share * passed.length) - 1] ?? null;
  return { checks: counted.length, ok: passed.length, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99) };
}

function expectAlike(told: Summary, truth: ReturnType<typeof computed>): void {
  expect({ checks: told.checks, ok: told.ok }).toEqual({ checks: truth.checks, ok: truth.ok });
  for (const [latencyMs, honest] of [
    [told.p50_ms, truth.p50],
    [told.p95_ms, truth.p95],
    [told.p99_ms, truth.p99],
  ] as const) {
    if (honest === null) expect(latencyMs).toBeNull();
    else expect(Math.abs((latencyMs ?? Number.NaN) - honest) / honest).toBeLessThanOrEqual(0.05);
  }
}

describe('#http-targets.uptime', () => {
  it.each([
    ['24h', 1],
    ['7d', 7],
    ['30d', 30],
    ['90d', 90],
  ])('should tell of the last %s what its checks say', async (window, days) => {
    const rows = await insertLongHistory();
    const answer = await uptime(`?window=${window}`);
    const from = THIS_HOUR - days * DAY;
    expect(answer).toMatchObject({ window, from: iso(from), to: iso(NOW) });
    const truth = computed(rows, from);
    expectAlike(answer, truth);
    expect(answer.uptime).toBe(truth.ok / truth.checks);
  });

  it('should be the same whether an hour is rolled up yet or not', async () => {
    await insertCheckRows(api.orm, id, history(NOW - DAY + HOUR, MINUTE));
    await setRolledUpUntil(api.orm, THIS_HOUR - DAY);
    const before = await uptime();
    await rollUp();
    expect(before.checks).toBeGreaterThan(1_300);
    expect(await uptime()).toEqual(before);
  });

  it('should take what is over from rollups, and never read checks older than a day', async () => {
    const old: CheckRow[] = [{ at: NOW - DAY - MINUTE }, { at: NOW - 3 * DAY }];
    await insertCheckRows(api.orm, id, [...old, { at: NOW - DAY + MINUTE }]);
    await setRolledUpUntil(api.orm, TODAY - 3 * DAY);
    expect((await uptime('?window=7d')).checks).toBe(1); // nothing is rolled up
    await rollUp();
    await execute('truncate checks');
    expect((await uptime('?window=7d')).checks).toBe(3);
  });

  it('should give percentiles of all checks, not averages of those of each hour', async () => {
    const slowHour = Array.from({ length: 10 }, (_, index) => ({
      at: THIS_HOUR - HOUR + index,
      totalMs: 1_000,
    }));
    const fastHours = Array.from({ length: 990 }, (_, index) => ({
      at: THIS_HOUR - 2 * HOUR - index * MINUTE,
      totalMs: 10,
    }));
    await insertCheckRows(api.orm, id, [...slowHour, ...fastHours]);
    await rollUp();
    const answer = await uptime();
    expect(answer).toMatchObject({ checks: 1_000, p50_ms: 10.5, p95_ms: 10.5, p99_ms: 10.5 });
    await insertCheckRows(api.orm, id, [{ at: THIS_HOUR + MINUTE, totalMs: 1_000 }]);
    expect((await uptime()).p99_ms).toBeGreaterThan(950);
  });

  it('should know nothing of a target without checks, or with none but those that failed on our side', async () => {
    const nothing = { checks: 0, ok: 0, uptime: null, p50_ms: null, p95_ms: null, p99_ms: null };
    expect(await uptime()).toMatchObject({ window: '24h', ...nothing });
    await insertCheckRows(api.orm, id, [{ at: THIS_HOUR - HOUR, outcome: 'm' }]);
    await rollUp();
    expect(await uptime()).toMatchObject(nothing);
  });

  it('should be zero where every check failed', async () => {
    await insertCheckRows(api.orm, id, [{ at: NOW - HOUR, outcome: 't' }]);
    expect(await uptime()).toMatchObject({ checks: 1, ok: 0, uptime: 0, p50_ms: null });
  });

  it('should agree with uptime_24h of the target', async () => {
    await insertCheckRows(api.orm, id, history(TODAY - DAY, MINUTE));
    await rollUp();
    const { uptime: share } = await uptime();
    expect((await client.get(`/http-targets/${id}`)).body).toMatchObject({ uptime_24h: share });
  });

  it.each([
    ['window=1y', { 'query.window': 'literal_error' }],
    ['window=24h&window=7d', { 'query.window': 'literal_error' }],
    ['days=3', { 'query.days': 'extra_forbidden' }],
  ])('should refuse ?%s', async (query, expected) => {
    const answer = await client.get(`/http-targets/${id}/uptime?${query}`);
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
  });
});

describe('#http-targets.latency', () => {
  it('should give the last 24 hours in 60 buckets, straight from the checks', async () => {
    const rows = history(TODAY - DAY, 3 * MINUTE);
    await insertCheckRows(api.orm, id, rows);
    const answer = await latency();
    expect(answer).toMatchObject({ from: iso(NOW - DAY), to: iso(NOW), bucket_seconds: 24 * 60 });
    expect(answer.items).toHaveLength(60);
    for (const item of answer.items) {
      expectAlike(item, computed(rows, Date.parse(item.from), Date.parse(item.to)));
    }
    expect(answer.items.map(({ from }) => from).slice(1)).toEqual(
      answer.items.map(({ to }) => to).slice(0, -1),
    );
  });

  it.each([
    ['a week in whole hours', 7, 60, 3 * HOUR],
    ['a month in whole hours', 30, 500, 2 * HOUR],
    ['90 days in whole days', 90, 60, 2 * DAY],
  ])('should give %s, from rollups', async (_name, days, buckets, widthMs) => {
    const rows = await insertLongHistory();
    const answer = await latency({ from: iso(NOW - days * DAY), buckets });
    expect(answer.bucket_seconds).toBe(widthMs / 1_000);
    expect(answer.items.length).toBeLessThanOrEqual(buckets);
    expect(Date.parse(answer.from)).toBeLessThanOrEqual(NOW - days * DAY);
    for (const item of answer.items) {
      expectAlike(item, computed(rows, Date.parse(item.from), Date.parse(item.to)));
    }
    expect(answer.items.reduce((sum, { checks }) => sum + checks, 0)).toBeGreaterThan(400);
  });

  it('should have whole hours of a morning of last week', async () => {
    const morning = TODAY - 7 * DAY + 8 * HOUR;
    await insertCheckRows(api.orm, id, [{ at: morning + 1, totalMs: 5 }, { at: morning + 3 * HOUR }]);
    await setRolledUpUntil(api.orm, morning);
    await rollUp();
    const answer = await latency({ from: iso(morning + 5 * MINUTE), to: iso(morning + 2 * HOUR) });
    const hour = { checks: 0, ok: 0, p50_ms: null, p95_ms: null, p99_ms: null };
    expect(answer).toEqual({
      from: iso(morning),
      to: iso(morning + 2 * HOUR),
      bucket_seconds: 3_600,
      items: [
        {
          ...hour,
          from: iso(morning),
          to: iso(morning + HOUR),
          checks: 1,
          ok: 1,
          p50_ms: 5,
          p95_ms: 5,
          p99_ms: 5,
        },
        { ...hour, from: iso(morning + HOUR), to: iso(morning + 2 * HOUR) },
      ],
    });
  });

  it('should end now at the latest within the last day', async () => {
    await insertCheckRows(api.orm, id, [{ at: NOW - 1 }]);
    const answer = await latency({ from: iso(NOW - HOUR), to: iso(NOW + DAY), buckets: 1 });
    expect(answer).toMatchObject({ to: iso(NOW), bucket_seconds: 3_600, items: [{ checks: 1 }] });
  });

  const refused: [Record<string, string | number>, Record<string, string>][] = [
    [
      { from: 'yesterday', buckets: 0 },
      { 'query.from': 'datetime_parsing', 'query.buckets': 'greater_than_equal' },
    ],
    [{ buckets: 501 }, { 'query.buckets': 'less_than_equal' }],
    [{ from: iso(NOW) }, { 'query.from': 'datetime_past' }],
    [{ from: iso(NOW - HOUR), to: iso(NOW - HOUR) }, { 'query.to': 'range' }],
    [{ from: iso(NOW - 1_096 * DAY) }, { 'query.from': 'range' }],
    [{ to: iso(NOW + 1_096 * DAY) }, { 'query.to': 'range' }],
    [{ from: '0001-01-01T00:00:00Z', to: '0001-01-02T00:00:00Z' }, { 'query.from': 'range' }],
  ];
  it.each(refused)('should refuse %j', async (query, expected) => {
    const answer = await client.get(`/http-targets/${id}/latency?${searchOf(query)}`);
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
  });
});

describe.each(['uptime', 'latency'])('#http-targets.%s', (route) => {
  const path = (of: string): string => `/http-targets/${of}/${route}`;
  const status = ({ status: code }: ApiResponse): number => code;

  it('should require authentication', async () => {
    expect(status(await api.anonymous.get(path(id)))).toBe(401);
  });

  it('should know no target that is missing, deleted, malformed, or of another client', async () => {
    const stranger = await api.newClient();
    expect(status(await stranger.get(path(id)))).toBe(404);
    for (const unknown of [randomUUID(), 'x']) expect(status(await client.get(path(unknown)))).toBe(404);
    await client.delete(`/http-targets/${id}`);
    expect(status(await client.get(path(id)))).toBe(404);
  });
});
