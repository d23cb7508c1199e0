import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildChannelBody } from '../support/buildChannel.ts';
import { LedgerWorker } from '../support/ledgerWorker.ts';

let api: ApiUnderTest;
let worker: LedgerWorker;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi();
  worker = new LedgerWorker(api);
});
afterAll(() => api.close());
beforeEach(async () => {
  client = await api.newClient();
});

/** @returns its id */
async function create(overrides: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const answer = await client.post('/channels', buildChannelBody(overrides));
  expect(answer).toMatchObject({ status: 201 });
  return (answer.body as { id: string }).id;
}

const names = ({ body }: ApiResponse): string[] =>
  (body as { items: { name: string }[] }).items.map(({ name }) => name);

const existing = (id: string) => ({ detail: { message: expect.any(String), existing_id: id } });

describe('#channels.create', () => {
  it('should answer with the id and the place of a channel that takes everything at once', async () => {
    const answer = await client.post('/channels', {
      type: 'slack',
      name: '  On call ',
      config: { webhook_url: 'https://hooks.example.com/services/T0/B0/token' },
    });
    expect(answer.status).toBe(201);
    const { id } = answer.body as { id: string };
    expect(answer.headers.get('Location')).toBe(`/api/v1/channels/${id}`);
    expect((await client.get(`/channels/${id}`)).body).toEqual({
      id,
      type: 'slack',
      name: 'On call',
      config: { webhook_url: 'https://hooks.example.com/••••' },
      recipient: 'https://hooks.example.com/…',
      severities: ['info', 'warning', 'critical'],
      sources: null,
      escalation_minutes: 0,
      is_active: true,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
  });

  it('should keep what it is to hear of, each once and in one order', async () => {
    const rules = { severities: ['critical', 'warning', 'critical'], sources: ['metric', 'http_target'] };
    const id = await create({ ...rules, escalation_minutes: 10_080, is_active: false });
    expect((await client.get(`/channels/${id}`)).body).toMatchObject({
      severities: ['warning', 'critical'],
      sources: ['http_target', 'metric'],
      escalation_minutes: 10_080,
      is_active: false,
    });
  });

  it('should take a mail address alone as a list of one', async () => {
    const id = await create({ type: 'email', config: { to: 'ops@example.com' } });
    expect((await client.get(`/channels/${id}`)).body).toMatchObject({
      config: { to: ['ops@example.com'] },
      recipient: 'o•••@example.com',
    });
  });

  it('should refuse a name that is there already, in any case, and leave it to other clients', async () => {
    const id = await create({ name: 'Ops' });
    const again = await client.post('/channels', buildChannelBody({ name: 'OPS' }));
    expect([again.status, again.body]).toEqual([409, existing(id)]);
    expect((await (await api.newClient()).post('/channels', buildChannelBody({ name: 'Ops' }))).status).toBe(
      201,
    );
    await client.delete(`/channels/${id}`);
    await create({ name: 'ops' });
  });

  it('should create one of ten channels that are posted at the same time with the same name', async () => {
    const body = buildChannelBody();
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.post('/channels', body)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...new Array<number>(9).fill(409)]);
  });

  it('should refuse the hundred and first, until one is deleted', async () => {
    const id = await create();
    await execute(sql`
      insert into channels (id, client_id, type, name, config_encrypted, recipient, severities)
      select gen_random_uuid(), client_id, type, name || n, config_encrypted, recipient, severities
      from channels, generate_series(1, 99) n where id = ${id}
    `);
    const answer = await client.post('/channels', buildChannelBody());
    expect(answer.status).toBe(409);
    expect(answer.body).toEqual({ detail: { message: expect.stringContaining('100 channels') } });
    await client.delete(`/channels/${id}`);
    await create();
  });
});

describe('#channels.list', () => {
  it('should give each once, the oldest first, whatever comes and goes meanwhile', async () => {
    const ids = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) ids.push(await create({ name }));
    // Within one millisecond, as when a program creates them.
    for (const [index, id] of ids.entries()) {
      const at = `2026-06-01T10:00:00.00000${index}Z`;
      await execute(sql`update channels set created_at = ${at}::timestamptz where id = ${id}`);
    }
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: ApiResponse = await client.get(
        `/channels?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      seen.push(...names(page));
      cursor = (page.body as { next_cursor: string | null }).next_cursor;
      if (seen.length === 2) {
        await client.delete(`/channels/${ids[1] ?? ''}`);
        await client.delete(`/channels/${ids[3] ?? ''}`);
        await create({ name: 'later' });
      }
    }
    expect(seen).toEqual(['a', 'b', 'c', 'e', 'later']);
  });
});

describe('#channels.update', () => {
  it('should change what is sent, leave the rest, and answer with the channel', async () => {
    const id = await create({ name: 'Ops', sources: ['metric'], escalation_minutes: 5 });
    const before = (await client.get(`/channels/${id}`)).body as Record<string, unknown>;
    const changed = await client.put(`/channels/${id}`, { name: 'Night shift', sources: null });
    expect(changed.status).toBe(200);
    const expected = { ...before, name: 'Night shift', sources: null, updated_at: expect.any(String) };
    expect(changed.body).toEqual(expected);
    expect((await client.get(`/channels/${id}`)).body).toEqual(expected);
    expect((await client.put(`/channels/${id}`, { type: 'webhook', name: 'NIGHT SHIFT' })).status).toBe(200);
  });

  it('should keep both of two changes at the same time', async () => {
    const id = await create();
    await Promise.all([
      client.put(`/channels/${id}`, { escalation_minutes: 30 }),
      client.put(`/channels/${id}`, { severities: ['critical'] }),
    ]);
    expect((await client.get(`/channels/${id}`)).body).toMatchObject({
      escalation_minutes: 30,
      severities: ['critical'],
    });
  });

  it('should refuse the name of another channel, and the type of another kind', async () => {
    const [one, other] = [await create({ name: 'one' }), await create({ name: 'other' })];
    const taken = await client.put(`/channels/${other}`, { name: 'ONE' });
    expect([taken.status, taken.body]).toEqual([409, existing(one)]);
    const retyped = await client.put(`/channels/${other}`, { type: 'email' });
    expect(retyped.status).toBe(422);
    expect(retyped.body).toMatchObject({ detail: [{ loc: ['body', 'type'], type: 'immutable' }] });
  });
});

describe('#channels.delete', () => {
  it('should answer with the id, and with 404 from then on', async () => {
    const id = await create();
    const answer = await client.delete(`/channels/${id}`);
    expect([answer.status, answer.body]).toEqual([200, { deleted: id }]);
    const after = [
      await client.delete(`/channels/${id}`),
      await client.get(`/channels/${id}`),
      await client.put(`/channels/${id}`, {}),
      await client.post(`/channels/${id}/test`),
      await client.get('/channels/nonsense'),
    ];
    expect(after.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    expect(names(await client.get('/channels'))).toEqual([]);
  });
});

describe('the workflow of a client', () => {
  it('should hear of every change of its channels, and of nothing that was refused', async () => {
    const heard = () => worker.takeNews(client.clientId);
    const id = await create({ name: 'Ops' });
    expect(await heard()).toEqual(['configured']);
    await client.put(`/channels/${id}`, { is_active: false });
    expect(await heard()).toEqual(['configured']);
    await client.post('/channels', buildChannelBody({ name: 'ops' }));
    await client.put(`/channels/${id}`, { config: { url: 'nonsense' } });
    await client.get('/channels');
    expect(await heard()).toEqual([]);
    await client.delete(`/channels/${id}`);
    expect(await heard()).toEqual(['configured']);
    await client.delete(`/channels/${id}`);
    expect(await heard()).toEqual([]);
  });
});

async function execute(statement: ReturnType<typeof sql>): Promise<void> {
  await statement.execute(api.orm.em.fork().getKysely<object>());
}
