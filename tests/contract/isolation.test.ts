import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildTargetBody } from '../support/buildTarget.ts';

let api: ApiUnderTest;
let owner: ApiClient;
let stranger: ApiClient;
beforeAll(async () => {
  api = await startApi();
  owner = await api.newClient();
  stranger = await api.newClient();
});
afterAll(() => api.close());

describe('another client', () => {
  it('should meet 404 at every route of a target that is not its own', async () => {
    const id = await owner.createTarget(buildTargetBody({ name: 'Mine' }));
    const answers = await Promise.all([
      stranger.get(`/http-targets/${id}`),
      stranger.put(`/http-targets/${id}`, { name: 'Stolen' }),
      stranger.delete(`/http-targets/${id}`),
      stranger.get(`/http-targets/${id}/checks`),
      stranger.get(`/http-targets/${id}/uptime`),
      stranger.get(`/http-targets/${id}/latency`),
      stranger.post(`/http-targets/${id}/check`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(new Array(7).fill(404));
    expect((await stranger.get('/http-targets')).body).toEqual([]);
    expect((await owner.get(`/http-targets/${id}`)).body).toMatchObject({ name: 'Mine' });
    expect(api.workflows.checked).toEqual([]);
  });

  it('should learn nothing from a cursor or a URL that is not its own', async () => {
    const body = buildTargetBody();
    await owner.createTarget(body);
    await owner.createTarget(buildTargetBody());
    const cursor = (await owner.get('/http-targets?limit=1')).headers.get('X-Next-Cursor') ?? '';
    expect((await stranger.get(`/http-targets?cursor=${cursor}`)).body).toEqual([]);
    expect((await stranger.post('/http-targets', body)).status).toBe(201);
  });
});

describe('secrets', () => {
  it('should be in no answer, no log line and no column', async () => {
    const secrets = ['Bearer hunter2', 'pass-phrase-in-body', 'query-secret-77'];
    const body = buildTargetBody({
      method: 'POST',
      headers: { Authorization: secrets[0] },
      body: `{"password": "${secrets[1] ?? ''}"}`,
    });
    const id = await owner.createTarget(body);
    const answers = [
      await owner.get(`/http-targets/${id}`),
      await owner.get(`/http-targets?q=${secrets[2] ?? ''}`),
      await owner.put(`/http-targets/${id}`, { headers: { Authorization: `${secrets[0] ?? ''}\n` } }),
      await owner.put(`/http-targets/${id}`, { headers: { Authorization: secrets[0] }, timeout_seconds: 9 }),
      await owner.post('/http-targets', body),
      await owner.post('/http-targets', { ...body, url: 'ftp://x' }),
    ];
    const told = answers.map(({ text }) => text).join('\n') + api.logText();
    for (const secret of [...secrets, owner.key ?? '?']) expect(told).not.toContain(secret);
    const { rows } = await sql<{ row: string }>`
      select row_to_json(t)::text as row from http_targets t where id = ${id}
    `.execute(api.orm.em.fork().getKysely<object>());
    const row = rows[0]?.row ?? '';
    expect(row).toContain(id);
    for (const secret of secrets) {
      expect(row).not.toContain(secret);
      expect(row).not.toContain(Buffer.from(secret).toString('hex'));
    }
  });
});
