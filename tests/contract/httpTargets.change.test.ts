import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpTargetRepository } from '../../src/db/repositories/httpTargets.ts';
import { createSecretBox } from '../../src/db/encryption.ts';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildTargetBody } from '../support/buildTarget.ts';
import { fieldIssues } from '../support/fieldIssues.ts';

let api: ApiUnderTest;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi();
  client = await api.newClient();
});
afterAll(() => api.close());

const stored = async (id: string) =>
  new HttpTargetRepository(api.orm.em.fork(), client, createSecretBox(api.config.encryptionKey)).find(id);

describe('#http-targets.update', () => {
  it('should change what is sent and leave the rest', async () => {
    const id = await client.createTarget(buildTargetBody({ tags: ['a'] }));
    const answer = await client.put(`/http-targets/${id}`, { name: 'Other', tags: ['b', ' b ', 'c'] });
    expect([answer.status, answer.body]).toEqual([200, { id }]);
    expect((await client.get(`/http-targets/${id}`)).body).toMatchObject({
      name: 'Other',
      tags: ['b', 'c'],
      timeout_seconds: 10,
    });
  });

  it('should hand the workflow what matters to checks and its name, and nothing else', async () => {
    const id = await client.createTarget(buildTargetBody());
    const before = api.workflows.changed.length;
    await client.put(`/http-targets/${id}`, { tags: ['x'] });
    await client.put(`/http-targets/${id}`, {});
    expect(api.workflows.changed).toHaveLength(before);
    await client.put(`/http-targets/${id}`, { name: 'Other' });
    expect(api.workflows.changed.at(-1)).toMatchObject({
      after: { target: { id, version: 1, name: 'Other' } },
    });
    await client.put(`/http-targets/${id}`, { is_active: false });
    expect(api.workflows.changed.at(-1)).toMatchObject({
      before: { id, version: 1, isActive: true },
      after: { target: { id, version: 2, isActive: false }, failureThreshold: 2 },
    });
  });

  it('should show a paused target as PAUSED, and a resumed one as UNKNOWN', async () => {
    const id = await client.createTarget(buildTargetBody());
    await client.put(`/http-targets/${id}`, { is_active: false });
    expect((await client.get(`/http-targets/${id}`)).body).toMatchObject({
      status: 'PAUSED',
      is_active: false,
      is_pending: false,
      status_message: 'paused',
      next_check_at: null,
    });
    await client.put(`/http-targets/${id}`, { is_active: true });
    expect((await client.get(`/http-targets/${id}`)).body).toMatchObject({
      status: 'UNKNOWN',
      is_pending: true,
    });
  });

  it('should keep both of two changes of different fields at the same time', async () => {
    const id = await client.createTarget(buildTargetBody());
    await Promise.all([
      client.put(`/http-targets/${id}`, { name: 'Other' }),
      client.put(`/http-targets/${id}`, { timeout_seconds: 7 }),
      client.put(`/http-targets/${id}`, { verify_tls: false }),
    ]);
    const { body } = await client.get(`/http-targets/${id}`);
    expect(body).toMatchObject({ name: 'Other', timeout_seconds: 7, verify_tls: false });
  });

  it('should keep masked values, replace others, and drop headers that are left out', async () => {
    const id = await client.createTarget(
      buildTargetBody({
        method: 'POST',
        headers: { Authorization: 'Bearer one', 'X-Old': '1' },
        body: 'secret body',
      }),
    );
    const { body: shown } = await client.get(`/http-targets/${id}`);
    expect(shown).toMatchObject({
      headers: { Authorization: '********', 'X-Old': '********' },
      body: '********',
    });
    const answer = await client.put(`/http-targets/${id}`, {
      headers: { authorization: '********', 'X-New': '2' },
      body: '********',
    });
    expect(answer.status).toBe(200);
    expect(await stored(id)).toMatchObject({
      headers: { authorization: 'Bearer one', 'X-New': '2' },
      body: 'secret body',
    });
    await client.put(`/http-targets/${id}`, { headers: null, body: null });
    expect(await stored(id)).toMatchObject({ headers: null, body: null });
  });

  it('should refuse a masked value that stands for nothing', async () => {
    const id = await client.createTarget(buildTargetBody({ method: 'POST' }));
    const answer = await client.put(`/http-targets/${id}`, {
      headers: { 'X-A': '********' },
      body: '********',
    });
    expect(answer.status).toBe(422);
    expect(fieldIssues(answer)).toEqual({ 'body.headers.X-A': 'masked_value', 'body.body': 'masked_value' });
  });

  it.each([
    [
      'an interval below the stored timeout',
      { check_interval_seconds: 8 },
      { 'body.check_interval_seconds': 'greater_than_equal' },
    ],
    [
      'a timeout above the stored interval',
      { timeout_seconds: 61 },
      { 'body.timeout_seconds': 'less_than_equal' },
    ],
    [
      'both, which do not fit',
      { timeout_seconds: 9, check_interval_seconds: 8, retry_interval_seconds: 8 },
      { 'body.timeout_seconds': 'less_than_equal' },
    ],
    ['a method without the stored body', { method: 'GET' }, { 'body.method': 'body_not_allowed' }],
    ['an unknown field', { id: randomUUID() }, { 'body.id': 'extra_forbidden' }],
    ['a barred URL', { url: 'http://[fe80::1]/' }, { 'body.url': 'url_barred' }],
    ['null for the name', { name: null }, { 'body.name': 'string_type' }],
  ])('should refuse %s and change nothing', async (_what, change, expected) => {
    const id = await client.createTarget(
      buildTargetBody({ method: 'POST', body: 'x', retry_interval_seconds: 5 }),
    );
    const before = await stored(id);
    const answer = await client.put(`/http-targets/${id}`, { tags: ['new'], ...change });
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
    expect(await stored(id)).toEqual(before);
  });

  it('should refuse the URL of another target, and take its own again', async () => {
    const [one, two] = [buildTargetBody(), buildTargetBody()];
    const id = await client.createTarget(one);
    const other = await client.createTarget(two);
    const answer = await client.put(`/http-targets/${other}`, { url: one['url'] });
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ detail: { existing_id: id } });
    expect((await client.put(`/http-targets/${other}`, two)).status).toBe(200);
  });

  it('should answer 422 before 404 and 404 for every id that is not there', async () => {
    for (const id of [randomUUID(), 'nonsense', '%00', '../settings', '1']) {
      const path = `/http-targets/${encodeURIComponent(id)}`;
      expect((await client.put(path, { name: '' })).status).toBe(422);
      expect((await client.put(path, { name: 'x' })).status).toBe(404);
    }
  });
});

describe('#http-targets.delete', () => {
  it('should delete once, retire the workflow and free the URL', async () => {
    const body = buildTargetBody();
    const id = await client.createTarget(body);
    const answer = await client.delete(`/http-targets/${id}`);
    expect([answer.status, answer.body]).toEqual([200, { deleted: id }]);
    expect(api.workflows.retired).toContain(id);
    expect((await client.delete(`/http-targets/${id}`)).status).toBe(404);
    expect((await client.get(`/http-targets/${id}`)).status).toBe(404);
    expect((await client.put(`/http-targets/${id}`, { name: 'x' })).status).toBe(404);
    expect((await client.get(`/http-targets/${id}/checks`)).status).toBe(404);
    expect((await client.post(`/http-targets/${id}/check`)).status).toBe(404);
    expect(await client.createTarget(body)).not.toBe(id);
  });

  it('should delete also while Temporal is away', async () => {
    const id = await client.createTarget(buildTargetBody());
    api.workflows.isThere = false;
    expect((await client.delete(`/http-targets/${id}`)).status).toBe(200);
    api.workflows.isThere = true;
  });
});
