import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';

let api: ApiUnderTest;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  client = await api.newClient();
});

/** What an agent posts. @returns the id of its machine */
async function post(load: number): Promise<string> {
  const answer = await client.post('/ingest/metrics', {
    machine: { hostname: 'web-01', os: 'linux', os_version: 'Debian 13' },
    metrics: [
      { name: 'cpu_load', type: 'numeric', value: load, unit: 'ratio' },
      { name: 'service_nginx_ok', type: 'boolean', value: true },
      { name: 'version', type: 'string', value: '1.0.0' },
    ],
  });
  expect(answer.status).toBe(202);
  return (answer.body as { machine_id: string }).machine_id;
}

const machines = async () => (await client.get('/machines')).body;

describe('a machine whose agent posts', () => {
  it('should be seen at once with all that it said', async () => {
    const id = await post(0.42);
    expect(await machines()).toMatchObject([
      { id, hostname: 'web-01', os_type: 'linux', status: 'UP', metrics_count: 3, open_incidents_count: 0 },
    ]);
    const { body } = await client.get(`/metrics?machine_id=${id}&name=cpu_load`);
    expect(body).toMatchObject({ items: [{ name: 'cpu_load', last_value: 0.42, unit: 'ratio' }], total: 1 });
    const [metric] = (body as { items: { id: string }[] }).items;
    for (const query of ['', '?buckets=60']) {
      const samples = await client.get(`/metrics/${metric?.id ?? ''}/samples${query}`);
      expect(samples.body).toMatchObject({ items: [expect.arrayContaining([0.42])] });
    }
    expect((await client.get(`/machines/${id}/detail`)).body).toMatchObject({
      machine: { os_version: 'Debian 13' },
      metrics: [
        { name: 'cpu_load', status: 'OK', last_sample: { num_value: 0.42 } },
        { name: 'service_nginx_ok', last_sample: { bool_value: true } },
        { name: 'version', last_sample: { str_value: '1.0.0' } },
      ],
    });
  });

  it('should stay paused while it posts, and be up with the first post after that', async () => {
    const id = await post(0.1);
    await client.request('PATCH', `/machines/${id}/pause`, { body: { paused: true } });
    await post(0.2);
    expect(await machines()).toMatchObject([{ status: 'PAUSED' }]);
    await client.request('PATCH', `/machines/${id}/pause`, { body: { paused: false } });
    expect(await machines()).toMatchObject([{ status: 'UNKNOWN' }]);
    await post(0.3);
    expect(await machines()).toMatchObject([{ id, status: 'UP' }]);
  });

  it('should be a new machine when it was deleted', async () => {
    const first = await post(0.1);
    await client.delete(`/machines/${first}`);
    const second = await post(0.2);
    expect(second).not.toBe(first);
    expect(await machines()).toMatchObject([{ id: second, metrics_count: 3 }]);
  });
});
