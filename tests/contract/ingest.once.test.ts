import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildIngest, samplesOf } from '../support/buildIngest.ts';
import { until } from '../support/until.ts';

let api: ApiUnderTest;
let other: ApiUnderTest;
let client: ApiClient;
let observer: pg.Client;
beforeAll(async () => {
  api = await startApi();
  // Another API process on the same database: the two share nothing else.
  other = await startApi({ databaseUrl: api.config.database.url });
  client = await api.newClient();
  observer = new pg.Client({ connectionString: api.config.database.url });
  await observer.connect();
});
afterAll(async () => {
  await observer.end();
  await other.close();
  await api.close();
});

interface IngestAnswer {
  readonly status: number;
  readonly body: { readonly machine_id: string; readonly duplicate: boolean; readonly accepted: number };
}

async function post(body: unknown, ingestId: string | null, through = api): Promise<IngestAnswer> {
  const headers: Record<string, string> = {
    'X-API-Key': client.key ?? '',
    ...(ingestId === null ? {} : { 'X-Ingest-Id': ingestId }),
  };
  const answer = await through.anonymous.post('/ingest/metrics', body, { headers });
  return { status: answer.status, body: answer.body as IngestAnswer['body'] };
}

describe('the same ingest id', () => {
  it('should be stored once, and answered as a duplicate from then on', async () => {
    const [id, body] = [randomUUID(), buildIngest()];
    const first = await post(body, id);
    const again = await post(body, id);
    expect([first.status, again.status]).toEqual([202, 200]);
    expect(again.body).toEqual({ ...first.body, status: 'duplicate', duplicate: true });
    expect(await samplesOf(api.orm, first.body.machine_id)).toHaveLength(3);
  });

  it('should be stored once when it comes many times at once, through two processes', async () => {
    const [id, body] = [randomUUID(), buildIngest()];
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => post(body, id, index % 2 === 0 ? api : other)),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(39);
    expect(await samplesOf(api.orm, answers[0]?.body.machine_id ?? '')).toHaveLength(3);
  });

  it('should be refused with another body, also when both come at once', async () => {
    const id = randomUUID();
    const [one, two] = [buildIngest(), buildIngest()];
    const answers = await Promise.all([post(one, id), post(two, id, other), post(one, id), post(two, id)]);
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 202, 422, 422]);
    const refused = await post(buildIngest(), id);
    expect(refused).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['header', 'x-ingest-id'], type: 'ingest_id_taken' }] },
    });
  });

  it('should be the same whatever the order of its fields', async () => {
    const id = randomUUID();
    const { machine, metrics } = buildIngest();
    expect((await post({ machine, metrics }, id)).status).toBe(202);
    const turned = metrics.map(({ name, type, value, unit }) => ({ unit, value, type, name }));
    expect((await post({ metrics: turned, machine }, id)).status).toBe(200);
  });

  it('should be found by what is in it where the agent sends none', async () => {
    const body = buildIngest({ sent_at: new Date(Date.now() - 60_000).toISOString() });
    expect((await post(body, null)).status).toBe(202);
    expect((await post(body, null)).status).toBe(200);
    // Without a time two posts of the same values are two.
    const timeless = buildIngest();
    const first = await post(timeless, null);
    const second = await post(timeless, null);
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(await samplesOf(api.orm, first.body.machine_id)).toHaveLength(6);
  });

  it('should be stored once after its transaction died in the middle', async () => {
    const [id, body] = [randomUUID(), buildIngest()];
    const { body: registered } = await post(body, randomUUID());
    await observer.query('begin');
    await observer.query('lock table metric_latest in share mode');
    const dying = post(body, id);
    await until(async () => (await waitingBackends()).length > 0, { what: 'the transaction waits' });
    for (const pid of await waitingBackends()) await observer.query('select pg_terminate_backend($1)', [pid]);
    const answer = await dying;
    await observer.query('rollback');
    expect(answer.status).toBe(503);
    expect(await samplesOf(api.orm, registered.machine_id)).toHaveLength(3);
    expect((await post(body, id)).status).toBe(202);
    expect(await samplesOf(api.orm, registered.machine_id)).toHaveLength(6);
  });

  it('should be a duplicate when the answer of the first was lost after its commit', async () => {
    const [id, body] = [randomUUID(), buildIngest()];
    const abort = new AbortController();
    await observer.query('begin');
    await observer.query('lock table ingests in share mode');
    const lost = fetch(`${api.baseUrl}/api/v1/ingest/metrics`, {
      method: 'POST',
      headers: { 'X-API-Key': client.key ?? '', 'X-Ingest-Id': id, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: abort.signal,
    });
    await until(async () => (await waitingBackends()).length > 0, { what: 'the transaction waits' });
    abort.abort();
    await expect(lost).rejects.toThrow();
    await observer.query('rollback');
    const again = await post(body, id);
    expect(again.status).toBe(200);
    expect(await samplesOf(api.orm, again.body.machine_id)).toHaveLength(3);
  });

  it('should keep posts of many machines apart that come at once', async () => {
    const bodies = Array.from({ length: 200 }, () => buildIngest());
    const answers = await Promise.all(
      bodies.map((body, index) => post(body, randomUUID(), index % 2 === 0 ? api : other)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.machine_id)).size).toBe(200);
    const { rows } = await observer.query<{ count: string }>(
      `select count(*) from metric_samples s join metric_instances i on i.key = s.metric_key
       join machines m on m.key = i.machine_key where m.id = any($1)`,
      [answers.map(({ body }) => body.machine_id)],
    );
    expect(Number(rows[0]?.count)).toBe(600);
  });
});

async function waitingBackends(): Promise<number[]> {
  const { rows } = await observer.query<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
     and application_name = 'contract-tests'`,
  );
  return rows.map(({ pid }) => pid);
}
