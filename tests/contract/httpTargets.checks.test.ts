import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { CheckResult } from '../../src/domain/check.ts';
import { CheckNowRefusedError } from '../../temporal/httpTargetWorkflows.ts';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildTargetBody } from '../support/buildTarget.ts';
import { fieldIssues } from '../support/fieldIssues.ts';

const HOUR_MS = 3_600_000;
const NOON = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const at = (minutes: number): string => new Date(NOON - minutes * 60_000).toISOString();

let api: ApiUnderTest;
let client: ApiClient;
let id: string;
beforeAll(async () => {
  api = await startApi();
  client = await api.newClient();
});
afterAll(() => api.close());
beforeEach(async () => {
  id = await client.createTarget(buildTargetBody());
});

/** One check every minute before the last full hour; every third failed. */
async function insertChecks(count: number): Promise<void> {
  const db = api.orm.em.fork().getKysely<object>();
  await sql`
    insert into checks (scheduled_at, target_key, started_after_ms, total_ms, status_code, dns_ms, tcp_ms, tls_ms,
      first_byte_ms, outcome, kind)
    select ${new Date(NOON)}::timestamptz - n * interval '1 minute', t.key, 12, 34,
      case when n % 3 = 0 then -1 else 200 end, 1, 2, -1, 30,
      (case when n % 3 = 0 then 't' else 'k' end)::"char", 's'::"char"
    from http_targets t, generate_series(1, ${count}::int) n where t.id = ${id}
  `.execute(db);
  await sql`
    insert into check_failures (scheduled_at, target_key, error_message)
    select c.scheduled_at, c.target_key, 'No answer within 10 s.'
    from checks c join http_targets t on t.key = c.target_key where t.id = ${id} and c.outcome = 't'
  `.execute(db);
}

interface Page {
  items: { scheduled_at: string; ok: boolean }[];
  next_cursor: string | null;
}
const page = async (query = ''): Promise<Page> =>
  (await client.get(`/http-targets/${id}/checks${query}`)).body as Page;
const times = ({ items }: Page): string[] => items.map(({ scheduled_at: time }) => time);

describe('#http-targets.checks', () => {
  it('should list checks, newest first, with every part of their time', async () => {
    await insertChecks(3);
    const { items, next_cursor: cursor } = await page();
    expect(cursor).toBeNull();
    expect(items).toEqual([
      expect.objectContaining({ scheduled_at: at(1), ok: true }),
      {
        scheduled_at: at(2),
        started_at: new Date(Date.parse(at(2)) + 12).toISOString(),
        ok: true,
        status_code: 200,
        failure_class: null,
        error_message: null,
        dns_ms: 1,
        tcp_ms: 2,
        tls_ms: null,
        first_byte_ms: 30,
        total_ms: 34,
        kind: 'scheduled',
      },
      expect.objectContaining({
        scheduled_at: at(3),
        ok: false,
        status_code: null,
        failure_class: 'timeout',
        error_message: 'No answer within 10 s.',
      }),
    ]);
  });

  it('should filter by time, with the end excluded, and by outcome', async () => {
    await insertChecks(6);
    expect(times(await page(`?from=${at(4)}&to=${at(2)}`))).toEqual([at(3), at(4)]);
    expect(times(await page('?ok=false'))).toEqual([at(3), at(6)]);
    expect(times(await page('?ok=true&limit=2'))).toEqual([at(1), at(2)]);
  });

  it('should page by cursor, stable while checks arrive', async () => {
    await insertChecks(5);
    const first = await page('?limit=2');
    const second = await page(`?limit=2&cursor=${first.next_cursor ?? ''}`);
    const third = await page(`?limit=2&cursor=${second.next_cursor ?? ''}`);
    expect([first, second, third].flatMap(times)).toEqual([1, 2, 3, 4, 5].map(at));
    expect(third.next_cursor).toBeNull();
  });

  it('should give 100 checks where no limit is set', async () => {
    await insertChecks(101);
    expect((await page()).items).toHaveLength(100);
    expect((await page('?limit=1000')).items).toHaveLength(101);
  });

  it('should count the uptime of the last 24 hours from them', async () => {
    await insertChecks(30);
    expect((await client.get(`/http-targets/${id}`)).body).toMatchObject({ uptime_24h: 20 / 30 });
  });

  it.each([
    ['from=yesterday', { 'query.from': 'datetime_parsing' }],
    ['to=2026-02-30T00:00:00Z', { 'query.to': 'datetime_parsing' }],
    ['to=0000-02-20T00:00:00Z', { 'query.to': 'datetime_parsing' }],
    ['from=0001-01-01T00:00:00%2B14:00', { 'query.from': 'datetime_parsing' }],
    ['to=9999-12-31T23:59:59-14:00', { 'query.to': 'datetime_parsing' }],
    ['from=2026-02-20T00:00:00', { 'query.from': 'datetime_parsing' }],
    ['limit=-1&ok=2', { 'query.limit': 'greater_than_equal', 'query.ok': 'bool_parsing' }],
    [`cursor=${Buffer.from('[9e15]').toString('base64url')}`, { 'query.cursor': 'cursor' }],
  ])('should refuse ?%s', async (query, expected) => {
    const answer = await client.get(`/http-targets/${id}/checks?${query}`);
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
  });
});

describe('#http-targets.check', () => {
  const result: CheckResult = {
    scheduledAt: NOON,
    startedAt: NOON + 3,
    kind: 'manual',
    failureClass: 'http_status',
    errorMessage: 'The server answered 500.',
    statusCode: 500,
    timings: { dnsMs: 1.4, tcpMs: 2, tlsMs: 3, firstByteMs: 20, totalMs: 25.6 },
    certificateExpiresAt: null,
  };

  it('should answer with what the check found and the status', async () => {
    api.workflows.checkNowAnswer = { result, status: 'down' };
    const answer = await client.post(`/http-targets/${id}/check`, undefined, {
      headers: { 'X-Request-Id': 'my-check-1' },
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      ok: false,
      status_code: 500,
      dns_ms: 1,
      total_ms: 26,
      kind: 'manual',
      status: 'DOWN',
    });
    expect(api.workflows.checked.at(-1)).toEqual({ targetId: id, requestId: 'my-check-1' });
  });

  it('should refuse a paused target, whoever knows that it is', async () => {
    api.workflows.checkNowAnswer = new CheckNowRefusedError('paused', 'paused');
    const raced = await client.post(`/http-targets/${id}/check`);
    await client.put(`/http-targets/${id}`, { is_active: false });
    const asked = api.workflows.checked.length;
    const known = await client.post(`/http-targets/${id}/check`);
    for (const answer of [raced, known]) {
      expect(answer.status).toBe(409);
      expect(answer.body).toEqual({ detail: { message: expect.stringContaining('paused') } });
    }
    expect(api.workflows.checked).toHaveLength(asked);
  });

  it.each(['no_worker', 'not_run', 'temporal_unavailable'] as const)(
    'should answer 503 for %s',
    async (reason) => {
      api.workflows.checkNowAnswer = new CheckNowRefusedError(reason, 'No worker answered within 15 s.');
      const answer = await client.post(`/http-targets/${id}/check`);
      expect([answer.status, answer.body]).toEqual([503, { detail: 'No worker answered within 15 s.' }]);
      expect(answer.headers.get('Retry-After')).toBe('5');
    },
  );

  it('should answer 404 for a target that was deleted meanwhile', async () => {
    api.workflows.checkNowAnswer = new CheckNowRefusedError('retired', 'retired');
    expect((await client.post(`/http-targets/${id}/check`)).status).toBe(404);
  });
});
