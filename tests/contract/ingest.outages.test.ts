import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildIngest } from '../support/buildIngest.ts';
import { until } from '../support/until.ts';

let api: ApiUnderTest;
let client: ApiClient;
let other: pg.Client;
beforeAll(async () => {
  api = await startApi({ databaseTimeoutMs: 1_000 });
  client = await api.newClient();
  other = new pg.Client({ connectionString: api.config.database.url });
  await other.connect();
});
afterAll(async () => {
  await other.end();
  await api.close();
});

describe('ingest that cannot store', () => {
  it('should say so, and that silence means nothing, until a post is stored', async () => {
    const body = buildIngest();
    const id = randomUUID();
    const post = (sent: unknown, headers = {}) => client.post('/ingest/metrics', sent, { headers });
    expect((await post(body)).status).toBe(202);
    await other.query('begin');
    await other.query('lock table metric_samples in access exclusive mode');
    expect(await post(body, { 'X-Ingest-Id': id })).toMatchObject({ status: 503 });
    expect(api.ingestHealth.isFailing).toBe(true);
    await other.query('rollback');
    expect(await post(body, { 'X-Ingest-Id': id })).toMatchObject({ status: 202 });
    expect(api.ingestHealth.isFailing).toBe(false);
  });

  it('should not take what is wrong with a batch for a fault of its own', async () => {
    expect((await client.post('/ingest/metrics', buildIngest({ metrics: 5 }))).status).toBe(422);
    expect(api.ingestHealth.isFailing).toBe(false);
  });

  it('should hold no locks for longer than ten seconds when its process is frozen in a transaction', async () => {
    const limit = await api.orm.em
      .fork()
      .execute<{ idle: string }[]>(`select current_setting('idle_in_transaction_session_timeout') as idle`);
    expect(limit).toEqual([{ idle: '10s' }]);
  });

  it('should tell nobody again and again while Temporal is away', async () => {
    api.heartbeats.isThere = false;
    const bodies = Array.from({ length: 30 }, () => ({ ...buildIngest(), ingest_id: randomUUID() }));
    expect((await client.post('/ingest/batch', { batches: bodies })).status).toBe(202);
    const names = new Set(bodies.map(({ machine }) => machine.hostname));
    const told = () =>
      api.heartbeats.seenMachines.filter(({ schedule }) => names.has(schedule.hostname)).length;
    await until(() => told() > 0, { what: 'a first one is told' });
    api.heartbeats.isThere = true;
    expect((await client.post('/ingest/metrics', buildIngest())).status).toBe(202);
    expect(told()).toBeLessThan(30);
  });
});
