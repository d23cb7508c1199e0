import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildIngest, buildMetrics, samplesOf } from '../support/buildIngest.ts';

let api: ApiUnderTest;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi();
  client = await api.newClient();
});
afterAll(() => api.close());

const detailOf = ({ body }: ApiResponse) => (body as { detail: unknown }).detail;
const post = (body: unknown) => client.post('/ingest/metrics', body);
const withMetric = (metric: unknown) => buildIngest({ metrics: [...buildMetrics(), metric] });

describe('ingest should name the field and the reason of', () => {
  it.each([
    ['text for a number', { name: 'a', type: 'numeric', value: '0.42' }, 'value', 'float_type'],
    ['NaN as text', { name: 'a', type: 'numeric', value: 'NaN' }, 'value', 'float_type'],
    ['null for a number', { name: 'a', type: 'numeric', value: null }, 'value', 'float_type'],
    ['a number for a boolean', { name: 'a', type: 'boolean', value: 1 }, 'value', 'bool_type'],
    ['a boolean for text', { name: 'a', type: 'string', value: true }, 'value', 'string_type'],
    [
      'text that is too long',
      { name: 'a', type: 'string', value: 'x'.repeat(1_025) },
      'value',
      'string_too_long',
    ],
    ['no value', { name: 'a', type: 'numeric' }, 'value', 'missing'],
    ['no name', { type: 'numeric', value: 1 }, 'name', 'missing'],
    [
      'a name that is too long',
      { name: 'x'.repeat(201), type: 'numeric', value: 1 },
      'name',
      'string_too_long',
    ],
    ['an unknown type', { name: 'a', type: 'gauge', value: 1 }, 'type', 'literal_error'],
    ['a name that comes twice', { name: 'version', type: 'string', value: 'x' }, 'name', 'duplicate_metric'],
    ['a unit that is no text', { name: 'a', type: 'numeric', value: 1, unit: 5 }, 'unit', 'string_type'],
  ])('%s', async (_, metric, field, type) => {
    const answer = await post(withMetric(metric));
    expect(answer.status).toBe(422);
    expect(detailOf(answer)).toEqual([
      { loc: ['body', 'metrics', 3, field], type, msg: expect.stringMatching(/\w{4}/) },
    ]);
  });

  it('a number beyond what can be written, and NaN as JavaScript writes it', async () => {
    const raw = (value: string) =>
      JSON.stringify(withMetric({ name: 'a', type: 'numeric', value: 'VALUE' })).replace('"VALUE"', value);
    const infinite = await client.request('POST', '/ingest/metrics', { rawBody: raw('1e999') });
    expect(infinite).toMatchObject({ status: 422, body: { detail: [{ type: 'finite_number' }] } });
    const nan = await client.request('POST', '/ingest/metrics', { rawBody: raw('NaN') });
    expect(nan).toMatchObject({ status: 422, body: { detail: [{ loc: ['body'], type: 'json_invalid' }] } });
  });

  it('10,001 metrics', async () => {
    const metrics = Array.from({ length: 10_001 }, (_, index) => ({
      name: `m${index}`,
      type: 'numeric',
      value: 1,
    }));
    const answer = await post(buildIngest({ metrics }));
    expect(answer).toMatchObject({
      status: 422,
      body: {
        detail: [{ loc: ['body', 'metrics'], type: 'too_long', msg: 'List should have at most 10000 items' }],
      },
    });
  });

  it('a clock an hour ahead, and a time before the product', async () => {
    const ahead = await post(buildIngest({ sent_at: new Date(Date.now() + 3_600_000).toISOString() }));
    expect(detailOf(ahead)).toEqual([
      {
        loc: ['body', 'sent_at'],
        type: 'datetime_future',
        msg: expect.stringMatching(/is (60|59) minutes ahead of the server: set the clock/),
      },
    ]);
    const old = await post(buildIngest({ sent_at: '1999-01-01T00:00:00Z' }));
    expect(old).toMatchObject({ status: 422, body: { detail: [{ type: 'datetime_too_old' }] } });
    const nonsense = await post(buildIngest({ sent_at: 'yesterday' }));
    expect(nonsense).toMatchObject({ status: 422, body: { detail: [{ type: 'datetime_parsing' }] } });
  });

  it('a metric whose type has changed, and store nothing of the batch', async () => {
    const machine = { hostname: `typed-${randomUUID()}` };
    const first = await post(buildIngest({ machine }));
    const metrics = [
      { name: 'new_one', type: 'numeric', value: 1 },
      { name: 'version', type: 'numeric', value: 2 },
    ];
    const answer = await post(buildIngest({ machine, metrics }));
    expect(answer.status).toBe(422);
    expect(detailOf(answer)).toEqual([
      {
        loc: ['body', 'metrics', 1, 'type'],
        type: 'metric_type_changed',
        msg: expect.stringContaining("should be 'string', as it was before"),
      },
    ]);
    const { machine_id: id } = first.body as { machine_id: string };
    expect(await samplesOf(api.orm, id)).toHaveLength(3);
    const { rows } = await sql`select from metric_instances i join machines m on m.key = i.machine_key
      where m.id = ${id} and i.name = 'new_one'`.execute(api.orm.em.fork().getKysely<object>());
    expect(rows).toHaveLength(0);
  });

  it('a batch of a machine that is known, which is alive all the same', async () => {
    const machine = { hostname: `refused-${randomUUID()}` };
    const { body } = await post(buildIngest({ machine }));
    const { machine_id: id } = body as { machine_id: string };
    const db = api.orm.em.fork().getKysely<object>();
    const age = async (): Promise<number> => {
      const { rows } = await sql<{ age: number }>`
        select extract(epoch from now() - s.last_seen_at)::float8 as age from machine_states s
        join machines m on m.key = s.machine_key where m.id = ${id}`.execute(db);
      return rows[0]?.age ?? Number.NaN;
    };
    const refused = [
      buildIngest({ machine, metrics: [{ name: 'version', type: 'numeric', value: 2 }] }),
      buildIngest({ machine, sent_at: new Date(Date.now() + 3_600_000).toISOString() }),
    ];
    for (const batch of refused) {
      await sql`update machine_states set last_seen_at = now() - interval '1 hour'`.execute(db);
      expect((await post(batch)).status).toBe(422);
      expect(await age()).toBeLessThan(60);
    }
  });

  it('a machine without a name, and one with a name of two lines', async () => {
    expect(await post(buildIngest({ machine: { os: 'linux' } }))).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'machine', 'hostname'], type: 'missing' }] },
    });
    expect(await post(buildIngest({ machine: { hostname: 'a\nb' } }))).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'machine', 'hostname'] }] },
    });
  });

  it('an id that is too long', async () => {
    const headers = { 'X-Ingest-Id': 'x'.repeat(65) };
    const answer = await client.post('/ingest/metrics', buildIngest(), { headers });
    expect(answer).toMatchObject({ status: 422, body: { detail: [{ loc: ['header', 'x-ingest-id'] }] } });
  });

  it('a body that inflates to more than 8 MiB, one that is no gzip, and another encoding', async () => {
    const send = (rawBody: Uint8Array<ArrayBuffer>, encoding: string) =>
      client.request('POST', '/ingest/metrics', { rawBody, headers: { 'Content-Encoding': encoding } });
    const bomb = gzipSync(Buffer.alloc(9 * 1024 * 1024, ' ')) as Uint8Array<ArrayBuffer>;
    expect(await send(bomb, 'gzip')).toMatchObject({ status: 413 });
    const cut = gzipSync(JSON.stringify(buildIngest())).subarray(0, 40) as Uint8Array<ArrayBuffer>;
    expect(await send(cut, 'gzip')).toMatchObject({
      status: 422,
      body: { detail: [{ type: 'gzip_invalid' }] },
    });
    expect(await send(Buffer.from('{}') as Uint8Array<ArrayBuffer>, 'br')).toMatchObject({ status: 415 });
  });
});
