import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import fc from 'fast-check';
import { createSecretBox } from '../../src/db/encryption.ts';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildChannelBody } from '../support/buildChannel.ts';
import { fieldIssues } from '../support/fieldIssues.ts';

let api: ApiUnderTest;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi();
  client = await api.newClient();
});
afterAll(() => api.close());

async function create(overrides: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const answer = await client.post('/channels', buildChannelBody(overrides));
  expect(answer).toMatchObject({ status: 201 });
  return (answer.body as { id: string }).id;
}

const webhook = (config: Readonly<Record<string, unknown>>) => ({ config });
const mail = (to: unknown) => ({ type: 'email', config: { to } });

describe('a channel that is not one', () => {
  it('should be told everything that is wrong at once', async () => {
    const answer = await client.post('/channels', {
      type: 'webhook',
      config: { url: 'ftp://x.example', secret: 'short', method: 'PUT' },
      severities: ['fatal'],
      sources: [],
      escalation_minutes: 10_081,
      is_active: 'yes',
      recipient: 'me',
    });
    expect(answer.status).toBe(422);
    expect(fieldIssues(answer)).toEqual({
      'body.name': 'missing',
      'body.config.url': 'url_scheme',
      'body.config.secret': 'string_too_short',
      'body.config.method': 'extra_forbidden',
      'body.severities.0': 'literal_error',
      'body.sources': 'too_short',
      'body.escalation_minutes': 'less_than_equal',
      'body.is_active': 'bool_type',
      'body.recipient': 'extra_forbidden',
    });
  });

  it('should be told which types there are', async () => {
    const answer = await client.post('/channels', buildChannelBody({ type: 'pager' }));
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({
      detail: [
        {
          loc: ['body', 'type'],
          msg: expect.stringMatching(/slack.*email.*webhook/),
          type: 'literal_error',
        },
      ],
    });
  });

  it.each([
    ['a blank name', { name: ' ' }, { 'body.name': 'string_too_short' }],
    ['a long name', { name: 'x'.repeat(201) }, { 'body.name': 'string_too_long' }],
    ['NUL in its name', { name: 'a\u0000' }, { 'body.name': 'string_unicode' }],
    ['two lines for a name', { name: 'a\nb' }, { 'body.name': 'value_error' }],
    ['no severity', { severities: [] }, { 'body.severities': 'too_short' }],
    ['no config', { config: undefined }, { 'body.config': 'missing' }],
    ['a list for a config', { config: [] }, { 'body.config': 'dict_type' }],
    ['a config of another type', { type: 'slack' }, { 'body.config.webhook_url': 'missing' }],
    ['no URL', webhook({ url: 'hooks' }), { 'body.config.url': 'url_parsing' }],
    ['a metadata address', webhook({ url: 'http://169.254.169.254/' }), { 'body.config.url': 'url_barred' }],
    [
      'a password in its URL',
      webhook({ url: 'http://a:b@c.example' }),
      { 'body.config.url': 'url_credentials' },
    ],
    ['no mail address', mail('nobody'), { 'body.config.to': 'value_error' }],
    [
      'a header of its own',
      webhook({ url: 'https://a.example', headers: { Host: 'b.example' } }),
      { 'body.config.headers.Host': 'header_forbidden' },
    ],
    ['a mask of nothing', webhook({ url: 'https://a.example/••••' }), { 'body.config.url': 'masked_value' }],
  ])('should be refused with %s', async (_, overrides, issues) => {
    const answer = await client.post('/channels', buildChannelBody(overrides));
    expect(answer.status).toBe(422);
    expect(fieldIssues(answer)).toMatchObject(issues);
  });

  it('should be refused where private addresses are barred', async () => {
    const strict = await startApi({
      databaseUrl: api.config.database.url,
      environment: { BLOCK_PRIVATE_TARGETS: '1' },
    });
    const inside = await strict.newClient();
    const body = buildChannelBody(webhook({ url: 'http://10.0.0.7/hook' }));
    expect(fieldIssues(await inside.post('/channels', body))).toEqual({ 'body.config.url': 'url_barred' });
    expect((await client.post('/channels', body)).status).toBe(201);
    await strict.close();
  });
});

describe('masked values', () => {
  const config = {
    url: 'https://hooks.example.com/in/path-secret-88',
    secret: 'signing-secret-0099',
    headers: { 'X-Token': 'header-secret-7711', 'X-Other': 'other-secret-5522' },
  };
  const masked = {
    url: 'https://hooks.example.com/••••',
    secret: '••••0099',
    headers: { 'X-Token': '••••7711', 'X-Other': '••••5522' },
  };

  it('should stay what they are when they are sent back', async () => {
    const id = await create({ config });
    const shown = (await client.get(`/channels/${id}`)).body as { config: unknown };
    expect(shown.config).toEqual(masked);
    expect((await client.put(`/channels/${id}`, { config: shown.config })).body).toMatchObject({
      config: masked,
    });
    expect(await storedConfig(id)).toEqual(config);
  });

  it('should go with what is new beside them, and leave what is left out', async () => {
    const id = await create({ config });
    const sent = { url: masked.url, headers: { 'x-token': '••••7711', 'X-New': 'brand-new-value' } };
    const answer = await client.put(`/channels/${id}`, { config: sent });
    expect(answer.body).toMatchObject({
      config: { url: masked.url, headers: { 'x-token': '••••7711', 'X-New': '••••alue' } },
    });
    expect(await storedConfig(id)).toEqual({
      url: config.url,
      headers: { 'x-token': 'header-secret-7711', 'X-New': 'brand-new-value' },
    });
  });

  it('should be refused where they are masks of something else, and nothing changes', async () => {
    const id = await create({ config });
    const answer = await client.put(`/channels/${id}`, {
      name: 'Never',
      config: { ...masked, secret: '••••1234', headers: { 'X-Third': '••••7711' } },
    });
    expect(answer.status).toBe(422);
    expect(fieldIssues(answer)).toEqual({
      'body.config.secret': 'masked_value',
      'body.config.headers.X-Third': 'masked_value',
    });
    expect(await storedConfig(id)).toEqual(config);
    expect((await client.get(`/channels/${id}`)).body).not.toMatchObject({ name: 'Never' });
  });

  it('should be all that is ever seen of secrets: in answers, logs and columns', async () => {
    const id = await create({ config });
    const slack = { webhook_url: 'https://hooks.example.com/services/T0/B0/slack-token-31' };
    const other = await create({ type: 'slack', config: slack });
    const answers = [
      await client.get('/channels'),
      await client.get(`/channels/${other}`),
      await client.put(`/channels/${id}`, { config: { ...config, secret: 'signing-secret-0099\n' } }),
      await client.put(`/channels/${id}`, { config }),
      await client.post('/channels', buildChannelBody({ config, type: 'slack' })),
    ];
    const rows = await Promise.all([storedRow(id), storedRow(other)]);
    const told = [...answers.map(({ text }) => text), api.logText(), ...rows].join('\n');
    for (const secret of [
      config.secret,
      ...Object.values(config.headers),
      'path-secret-88',
      'slack-token-31',
    ]) {
      expect(told).not.toContain(secret);
      expect(told).not.toContain(Buffer.from(secret).toString('hex'));
    }
  });
});

describe('another client', () => {
  it('should meet 404 at every route of a channel that is not its own, and see none of them', async () => {
    const stranger = await api.newClient();
    const id = await create({ name: 'Mine' });
    const before = await storedRow(id);
    const answers = await Promise.all([
      stranger.get(`/channels/${id}`),
      stranger.put(`/channels/${id}`, { name: 'Stolen' }),
      stranger.delete(`/channels/${id}`),
      stranger.post(`/channels/${id}/test`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    const { next_cursor: cursor } = (await client.get('/channels?limit=1')).body as { next_cursor: string };
    for (const path of ['/channels', `/channels?cursor=${cursor}`]) {
      expect((await stranger.get(path)).body).toEqual({ items: [], next_cursor: null });
    }
    expect(await storedRow(id)).toBe(before);
  });

  it('should not be able to read a configuration that was moved to its own row', async () => {
    const stranger = await api.newClient();
    const answer = await stranger.post('/channels', buildChannelBody());
    const { id } = answer.body as { id: string };
    const mine = await create();
    await sql`
      update channels set config_encrypted = (select config_encrypted from channels where id = ${mine}) where id = ${id}
    `.execute(db());
    expect((await stranger.get(`/channels/${id}`)).status).toBe(503);
  });
});

describe('hostile input', () => {
  it('should never be a fault of ours: any channel', async () => {
    const id = await create();
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    const value = fc.oneof(fc.jsonValue(), text);
    const config = fc.record(
      {
        url: fc.oneof(fc.webUrl(), value),
        secret: value,
        headers: fc.oneof(fc.dictionary(text, text), value),
        webhook_url: fc.oneof(fc.webUrl(), value),
        channel_name: value,
        to: fc.oneof(fc.emailAddress(), fc.array(fc.emailAddress()), value),
      },
      { requiredKeys: [] },
    );
    const body = fc.record(
      {
        type: fc.oneof(fc.constantFrom('slack', 'email', 'webhook'), value),
        name: fc.oneof(fc.uuid(), value),
        config: fc.oneof(config, value),
        severities: fc.oneof(fc.array(fc.constantFrom('info', 'warning', 'critical')), value),
        sources: fc.oneof(fc.array(fc.constantFrom('metric', 'monitor')), value),
        escalation_minutes: fc.oneof(fc.integer(), value),
        is_active: fc.oneof(fc.boolean(), value),
      },
      { requiredKeys: [] },
    );
    const property = fc.asyncProperty(fc.oneof(body, fc.jsonValue()), async (sent) => {
      const made = await client.post('/channels', sent);
      expect([201, 409, 422]).toContain(made.status);
      expect([200, 409, 422]).toContain((await client.put(`/channels/${id}`, sent)).status);
      if (made.status === 201) await client.delete(`/channels/${(made.body as { id: string }).id}`);
      expect((await client.get('/channels')).status).toBe(200);
    });
    await fc.assert(property, { numRuns: 150 });
  });

  it('should be a fault of whoever nests too deep or asks for no page of ours', async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(70)}1${'}'.repeat(70)}`) as unknown;
    const answer = await client.post('/channels', buildChannelBody({ config: deep }));
    expect([answer.status, fieldIssues(answer)]).toEqual([422, { body: 'json_invalid' }]);
    const listed = await client.get('/channels?cursor=abc&limit=0&sort=name');
    expect(fieldIssues(listed)).toEqual({
      'query.limit': 'greater_than_equal',
      'query.sort': 'extra_forbidden',
    });
    expect(fieldIssues(await client.get('/channels?cursor=abc'))).toEqual({ 'query.cursor': 'cursor' });
  });
});

const db = () => api.orm.em.fork().getKysely<object>();

async function storedConfig(id: string): Promise<unknown> {
  const { rows } = await sql<{ config_encrypted: Buffer }>`
    select config_encrypted from channels where id = ${id}
  `.execute(db());
  const sealed = rows[0]?.config_encrypted ?? Buffer.alloc(0);
  return JSON.parse(createSecretBox(api.config.encryptionKey).open(sealed, id));
}

async function storedRow(id: string): Promise<string> {
  const { rows } = await sql<{ row: string }>`
    select row_to_json(c)::text as row from channels c where id = ${id}
  `.execute(db());
  return rows[0]?.row ?? '';
}
