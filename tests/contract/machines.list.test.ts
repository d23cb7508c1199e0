import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { AlertSyncRepository } from '../../src/db/repositories/alerting/syncAlerts.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';
import { StoredMetrics } from '../support/storedMetrics.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');
const SEEN = '2026-06-01T11:59:48.000Z';

let api: ApiUnderTest;
let rows: StoredMetrics;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi({ clock: { now: () => NOW } });
  rows = new StoredMetrics(api.orm);
});
afterAll(() => api.close());
beforeEach(async () => {
  client = await api.newClient();
});

const insertMachine = (hostname: string, status = 'up') =>
  rows.insertMachine({ clientId: client.clientId, hostname, status, lastSeenAt: SEEN });

const hostnames = ({ body }: ApiResponse): string[] =>
  (body as { hostname: string }[]).map(({ hostname }) => hostname);

describe('#machines.list', () => {
  it('should answer a bare array of every field, oldest first', async () => {
    const { id } = await rows.insertMachine({
      clientId: client.clientId,
      hostname: 'web-01',
      lastSeenAt: SEEN,
      registeredAt: '2026-01-01T00:00:00Z',
    });
    await insertMachine('web-02');
    const answer = await client.get('/machines');
    expect(hostnames(answer)).toEqual(['web-01', 'web-02']);
    expect((answer.body as unknown[])[0]).toEqual({
      id,
      hostname: 'web-01',
      os_type: 'linux',
      last_seen: SEEN,
      is_active: true,
      status: 'UP',
      registered_at: '2026-01-01T00:00:00.000Z',
      unregistered_at: null,
      open_incidents_count: 0,
      metrics_count: 0,
      is_paused: false,
    });
    expect(answer.headers.get('Link')).toBeNull();
  });

  it('should filter by part of the hostname, taken as it is, and by status', async () => {
    await insertMachine('Web-01', 'up');
    await insertMachine('web-02', 'down');
    await insertMachine('db_1', 'unknown');
    const { id } = await insertMachine('db%2');
    await client.request('PATCH', `/machines/${id}/pause`, { body: { paused: true } });
    const found = async (query: string) => hostnames(await client.get(`/machines?${query}`));
    expect(await found('q=WEB')).toEqual(['Web-01', 'web-02']);
    expect(await found('q=b_1')).toEqual(['db_1']);
    expect(await found('q=%25')).toEqual(['db%2']);
    expect(await found('status=up')).toEqual(['Web-01']);
    expect(await found('status=DOWN')).toEqual(['web-02']);
    expect(await found('status=Unknown')).toEqual(['db_1']);
    expect(await found('status=PAUSED')).toEqual(['db%2']);
    expect(await found('status=up&q=db')).toEqual([]);
  });

  it('should count metrics, and the incidents that are open: silence and metrics that fire', async () => {
    const machine = await insertMachine('web-01', 'down');
    const disk = await rows.insertMetric(machine, { name: 'disk_used[/]', state: 'breached' });
    const quiet = await rows.insertMetric(machine, { name: 'disk_used[/var]', state: 'breached' });
    const inactive = await rows.insertMetric(machine, { name: 'swap_used', state: 'breached' });
    const fine = await rows.insertMetric(machine, { name: 'cpu_load' });
    for (const { id } of [disk, quiet, inactive, fine]) {
      await client.post(`/metrics/${id}/thresholds/default`, { comparison: 'gt', value_num: 1 });
    }
    await client.request('PATCH', `/metrics/${quiet.id}/alerting`, { body: { alert_enabled: false } });
    await rows.execute(sql`update thresholds set is_active = false where metric_key = ${inactive.key}`);
    await insertMachine('web-02');
    for (const source of ['heartbeat', 'metric'] as const) {
      await new AlertSyncRepository(api.orm.em.fork()).sync(source);
    }
    expect((await client.get('/machines')).body).toMatchObject([
      { status: 'DOWN', open_incidents_count: 2, metrics_count: 4 },
      { status: 'UP', open_incidents_count: 0, metrics_count: 0 },
    ]);
    await client.request('PATCH', `/machines/${machine.id}/pause`, { body: { paused: true } });
    expect((await client.get('/machines?q=web-01')).body).toMatchObject([{ open_incidents_count: 0 }]);
  });

  it('should show each page once, whatever is registered and deleted meanwhile', async () => {
    const ids = new Map<string, string>();
    // Within one millisecond, as when many agents begin at once.
    for (const [index, name] of 'abcdefg'.split('').entries()) {
      const registeredAt = `2026-06-01T10:00:00.0000${index}Z`;
      const { id } = await rows.insertMachine({ clientId: client.clientId, hostname: name, registeredAt });
      ids.set(name, id);
    }
    const seen: string[] = [];
    let path: string | null = '/machines?limit=2';
    while (path !== null) {
      const page: ApiResponse = await client.get(path);
      seen.push(...hostnames(page));
      const link: string | null = page.headers.get('Link');
      expect(link === null).toBe(page.headers.get('X-Next-Cursor') === null);
      path = link === null ? null : (/<\/api\/v1(.*)>; rel="next"/.exec(link)?.[1] ?? null);
      if (seen.length === 2) {
        await client.delete(`/machines/${ids.get('b') ?? ''}`);
        await client.delete(`/machines/${ids.get('e') ?? ''}`);
        await insertMachine('later');
      }
    }
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'f', 'g', 'later']);
  });

  it('should give a thousand machines where no limit is set', async () => {
    await rows.execute(sql`
      with made as (
        insert into machines (id, client_id, hostname)
        select gen_random_uuid(), ${client.clientId}::uuid, 'm' || n from generate_series(1, 1001) n returning key
      )
      insert into machine_states (machine_key) select key from made
    `);
    const answer = await client.get('/machines');
    expect(answer.body).toHaveLength(1_000);
    const cursor = answer.headers.get('X-Next-Cursor') ?? '';
    expect((await client.get(`/machines?cursor=${cursor}`)).body).toHaveLength(1);
  });

  it.each([
    ['limit=0', { 'query.limit': 'greater_than_equal' }],
    ['limit=1001', { 'query.limit': 'less_than_equal' }],
    ['status=BROKEN', { 'query.status': 'literal_error' }],
    ['colour=red', { 'query.colour': 'extra_forbidden' }],
    ['q=%00', { 'query.q': 'string_unicode' }],
    ['cursor=nonsense', { 'query.cursor': 'cursor' }],
    [`cursor=${Buffer.from('["2026","x"]').toString('base64url')}`, { 'query.cursor': 'cursor' }],
  ])('should refuse ?%s', async (query, expected) => {
    const answer = await client.get(`/machines?${query}`);
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
  });
});
