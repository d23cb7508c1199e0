import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildTargetBody } from '../support/buildTarget.ts';
import { fieldIssues } from '../support/fieldIssues.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');
let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi({ clock: { now: () => NOW } });
});
afterAll(() => api.close());

interface Listed {
  id: string;
  name: string;
}
const names = ({ body }: ApiResponse): string[] => (body as Listed[]).map(({ name }) => name);

async function clientWith(...bodies: Record<string, unknown>[]): Promise<ApiClient> {
  const client = await api.newClient();
  for (const body of bodies) await client.createTarget(buildTargetBody(body));
  return client;
}

async function checked(id: string, state: Record<string, unknown>): Promise<void> {
  const columns = Object.entries({ last_check_at: '2026-06-01T11:59:30Z', ...state });
  await sql`
    update http_target_states set ${sql.join(columns.map(([name, value]) => sql`${sql.id(name)} = ${value}`))}
    where target_key = (select key from http_targets where id = ${id})
  `.execute(api.orm.em.fork().getKysely<object>());
}

describe('#http-targets.list', () => {
  it('should answer a bare array, oldest first unless asked otherwise', async () => {
    const client = await clientWith({ name: 'one' }, { name: 'two' }, { name: 'three' });
    expect(names(await client.get('/http-targets'))).toEqual(['one', 'two', 'three']);
    expect(names(await client.get('/http-targets?sort=-created_at'))).toEqual(['three', 'two', 'one']);
    const wrong = await client.get('/http-targets?sort=name');
    expect(wrong.body).toEqual({
      detail: [
        {
          loc: ['query', 'sort'],
          msg: "Input should be 'created_at' or '-created_at'",
          type: 'literal_error',
        },
      ],
    });
  });

  it('should filter by text, tag, activity and status', async () => {
    const client = await clientWith(
      { name: 'Shop 100%', tags: ['eu'] },
      { name: 'Blog', url: 'https://blog.example.com/shop_1', tags: ['us', 'eu'] },
      { name: 'Old', is_active: false },
    );
    const [shop, blog] = (await client.get('/http-targets')).body as Listed[];
    await checked(shop?.id ?? '', { status: 'up' });
    await checked(blog?.id ?? '', { status: 'down' });
    const found = async (query: string) => names(await client.get(`/http-targets?${query}`));
    expect(await found('q=SHOP')).toEqual(['Shop 100%', 'Blog', 'Old']);
    expect(await found('q=100%25')).toEqual(['Shop 100%']);
    expect(await found('q=shop_1')).toEqual(['Blog']);
    expect(await found('tag=us')).toEqual(['Blog']);
    expect(await found('is_active=false')).toEqual(['Old']);
    expect(await found('is_active=1')).toEqual(['Shop 100%', 'Blog']);
    expect(await found('status=up')).toEqual(['Shop 100%']);
    expect(await found('status=DOWN')).toEqual(['Blog']);
    expect(await found('status=Paused')).toEqual(['Old']);
    expect(await found('status=UNKNOWN')).toEqual([]);
    expect(await found('status=up&tag=us')).toEqual([]);
  });

  it('should show each page once, whatever is created and deleted meanwhile', async () => {
    const client = await clientWith(...'abcdefg'.split('').map((name) => ({ name })));
    const all = (await client.get('/http-targets')).body as Listed[];
    for (const sort of ['created_at', '-created_at']) {
      const seen: string[] = [];
      let path: string | null = `/http-targets?limit=2&sort=${sort}`;
      while (path !== null) {
        const page: ApiResponse = await client.get(path);
        seen.push(...names(page));
        const link: string | null = page.headers.get('Link');
        const cursor = page.headers.get('X-Next-Cursor');
        expect(link === null).toBe(cursor === null);
        if (link !== null) expect(link).toContain(encodeURIComponent(cursor ?? ''));
        path = link === null ? null : (/<\/api\/v1(.*)>; rel="next"/.exec(link)?.[1] ?? null);
        if (seen.length === 2) {
          const gone = all.find(({ name }) => name === seen[1]);
          await client.delete(`/http-targets/${gone?.id ?? ''}`);
          if (sort === '-created_at') await client.createTarget(buildTargetBody({ name: 'newer' }));
        }
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((name) => name !== 'newer').sort()).toEqual(
        sort === 'created_at' ? 'abcdefg'.split('') : 'acdefg'.split(''),
      );
    }
  });

  it.each([
    ['limit=0', { 'query.limit': 'greater_than_equal' }],
    ['limit=1001', { 'query.limit': 'less_than_equal' }],
    ['limit=ten', { 'query.limit': 'int_parsing' }],
    ['limit=1&limit=2', { 'query.limit': 'string_type' }],
    ['is_active=maybe', { 'query.is_active': 'bool_parsing' }],
    ['status=BROKEN', { 'query.status': 'literal_error' }],
    ['colour=red', { 'query.colour': 'extra_forbidden' }],
    ['q=%00', { 'query.q': 'string_unicode' }],
    ['cursor=nonsense', { 'query.cursor': 'cursor' }],
    [`cursor=${Buffer.from('["2026","x"]').toString('base64url')}`, { 'query.cursor': 'cursor' }],
    [
      `cursor=${Buffer.from('["9","00000000-0000-0000-0000-000000000000"]').toString('base64url')}`,
      { 'query.cursor': 'cursor' },
    ],
  ])('should refuse ?%s', async (query, expected) => {
    const answer = await (await api.newClient()).get(`/http-targets?${query}`);
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
  });
});

describe('#http-targets.get', () => {
  const shown = async (state: Record<string, unknown> | null): Promise<unknown> => {
    const client = await api.newClient();
    const id = await client.createTarget(buildTargetBody());
    if (state !== null) await checked(id, state);
    return (await client.get(`/http-targets/${id.toUpperCase()}`)).body;
  };

  it('should say that a new target waits for its first check', async () => {
    expect(await shown(null)).toMatchObject({
      status: 'UNKNOWN',
      is_up: false,
      is_pending: true,
      last_check_at: null,
      last_check_age_sec: null,
      last_status_code: null,
      last_status_label: null,
      uptime_24h: null,
      status_message: expect.stringContaining('waiting for the first check'),
    });
  });

  it('should name its workflow and where to see it', async () => {
    const body = (await shown(null)) as { id: string };
    expect(body).toMatchObject({
      workflow_id: `http-target/${body.id}`,
      temporal_url: `http://temporal.example.com/namespaces/default/workflows/http-target%2F${body.id}`,
    });
  });

  it('should describe a target that is up', async () => {
    const state = {
      status: 'up',
      last_scheduled_at: '2026-06-01T11:59:30Z',
      last_status_code: 204,
      last_response_time_ms: 34,
      last_state_change_at: '2026-06-01T11:00:00Z',
      next_check_at: '2026-06-01T12:00:30Z',
      certificate_expires_at: '2026-09-01T00:00:00Z',
    };
    expect(await shown(state)).toMatchObject({
      status: 'UP',
      is_up: true,
      is_pending: false,
      last_check_at: '2026-06-01T11:59:30.000Z',
      last_check_age_sec: 30,
      last_state_change_age_sec: 3_600,
      last_status_code: 204,
      last_status_label: 'OK',
      last_response_time_ms: 34,
      status_message: 'up, 204 in 34 ms, next check 12:00:30',
      certificate_expires_at: '2026-09-01T00:00:00.000Z',
    });
  });

  it.each([
    ['http_status', 503, 'HTTP 503', 503],
    ['timeout', null, 'Timeout', 0],
    ['dns', null, 'DNS error', 0],
    ['connect', null, 'Connection failed', 0],
    ['tls', null, 'TLS error', 0],
    ['body_too_large', 200, 'Body too large', 200],
  ])('should describe a target that is down for %s', async (failureClass, code, label, shownCode) => {
    const state = {
      status: 'down',
      last_status_code: code,
      last_failure_class: failureClass,
      last_error_message: 'It did not work.',
      consecutive_failures: 3,
      last_state_change_at: '2026-06-01T11:59:00Z',
    };
    expect(await shown(state)).toMatchObject({
      status: 'DOWN',
      is_up: false,
      failure_class: failureClass,
      last_status_code: shownCode,
      last_status_label: label,
      last_error_message: 'It did not work.',
      consecutive_failures: 3,
      status_message: expect.stringContaining('down since 2026-06-01T11:59:00Z'),
    });
  });
});
