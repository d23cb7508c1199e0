import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildIngest, buildMetrics, samplesOf } from '../support/buildIngest.ts';
import { until } from '../support/until.ts';

let api: ApiUnderTest;
let client: ApiClient;
const now = Date.now();
beforeAll(async () => {
  api = await startApi({ clock: { now: () => now } });
  client = await api.newClient();
});
afterAll(() => api.close());

interface IngestAnswer {
  readonly status: string;
  readonly ingest_id: string;
  readonly machine_id: string;
  readonly accepted: number;
  readonly duplicate: boolean;
}

const post = async (body: unknown, ingestId: string | null = randomUUID(), sender = client) => {
  const headers: Record<string, string> = ingestId === null ? {} : { 'X-Ingest-Id': ingestId };
  const answer = await sender.post('/ingest/metrics', body, { headers });
  return { status: answer.status, body: answer.body as IngestAnswer };
};

const db = () => api.orm.em.fork().getKysely<object>();

async function machineState(id: string) {
  const { rows } = await sql<{ status: string; last_seen_ms_ago: number; hostname: string; os_type: string }>`
    select s.status, abs(extract(epoch from now() - s.last_seen_at) * 1000)::float8 as last_seen_ms_ago, m.hostname, m.os_type
    from machines m join machine_states s on s.machine_key = m.key where m.id = ${id}
  `.execute(db());
  return rows[0];
}

describe('ingest', () => {
  it('should take the example of the old server as it is', async () => {
    const body = {
      machine: { hostname: 'web-01', os: 'linux' },
      metrics: buildMetrics(),
      sent_at: '2025-01-01T00:00:00Z',
    };
    const id = '11111111-1111-1111-1111-111111111111';
    const answer = await post(body, id);
    expect(answer).toEqual({
      status: 202,
      body: {
        status: 'accepted',
        ingest_id: id,
        machine_id: expect.any(String),
        accepted: 3,
        duplicate: false,
      },
    });
    expect(await samplesOf(api.orm, answer.body.machine_id)).toEqual([
      { name: 'cpu_load', at: '2025-01-01T00:00:00.000Z', value: '0.42' },
      { name: 'service_nginx_ok', at: '2025-01-01T00:00:00.000Z', value: 'true' },
      { name: 'version', at: '2025-01-01T00:00:00.000Z', value: '1.0.0' },
    ]);
  });

  it('should count late values as a sign of life at the time of receipt', async () => {
    const { body } = await post(buildIngest({ sent_at: '2025-01-01T00:00:00Z' }));
    const state = await machineState(body.machine_id);
    expect(state?.status).toBe('up');
    expect(state?.last_seen_ms_ago).toBeLessThan(10_000);
  });

  it('should register a machine once, however its name is written, and a metric once', async () => {
    const machine = { hostname: 'Db-Main', os: 'linux' };
    const first = await post(buildIngest({ machine }));
    const second = await post(buildIngest({ machine: { hostname: 'db-main' } }));
    expect(second.body.machine_id).toBe(first.body.machine_id);
    expect(await machineState(first.body.machine_id)).toMatchObject({
      hostname: 'Db-Main',
      os_type: 'linux',
    });
    expect(await samplesOf(api.orm, first.body.machine_id)).toHaveLength(6);
  });

  it('should tell the workflow of a machine that comes up, and not of each post', async () => {
    const body = buildIngest();
    const { body: answer } = await post(body);
    const told = () => api.heartbeats.seenMachines.filter(({ machineId }) => machineId === answer.machine_id);
    await until(() => told().length === 1, { what: 'the workflow was told' });
    expect(told()[0]).toMatchObject({
      clientId: client.clientId,
      schedule: { hostname: body.machine.hostname, isActive: true, thresholdSeconds: 300 },
      state: { status: 'up', lastSeenAt: expect.any(Number) },
    });
    await post(body);
    await sql`update machine_states set status = 'down' where machine_key = (
      select key from machines where id = ${answer.machine_id})`.execute(db());
    await post(body);
    await until(() => told().length === 2, { what: 'the workflow was told again' });
    const { rows } = await sql<{ from_status: string; to_status: string }>`
      select from_status, to_status from machine_transitions t join machines m on m.key = t.machine_key
      where m.id = ${answer.machine_id} order by t.id
    `.execute(db());
    expect(rows).toEqual([
      { from_status: 'unknown', to_status: 'up' },
      { from_status: 'down', to_status: 'up' },
    ]);
  });

  it('should take the values of the near future as measured now', async () => {
    const { status, body } = await post(buildIngest({ sent_at: new Date(now + 4 * 60_000).toISOString() }));
    expect(status).toBe(202);
    const [sample] = await samplesOf(api.orm, body.machine_id);
    expect(sample?.at).toBe(new Date(now).toISOString());
  });

  it('should read a time without a zone as UTC, and take a post without values as a heartbeat', async () => {
    const { body } = await post(buildIngest({ sent_at: '2026-02-27T08:00:00' }));
    expect((await samplesOf(api.orm, body.machine_id))[0]?.at).toBe('2026-02-27T08:00:00.000Z');
    const silent = await post(buildIngest({ metrics: [] }));
    expect(silent).toMatchObject({ status: 202, body: { accepted: 0 } });
    expect(await machineState(silent.body.machine_id)).toMatchObject({ status: 'up' });
  });

  it('should ignore fields that it does not know', async () => {
    const metrics = [{ name: 'a', type: 'numeric', value: 1, labels: { x: 1 } }];
    const body = buildIngest({ metrics, agent: 'v2', machine: { hostname: 'odd', os: null, kernel: '6.1' } });
    expect((await post(body)).status).toBe(202);
  });

  it('should keep the newest value beside the samples, whatever comes late', async () => {
    const machine = { hostname: 'late-one' };
    const at = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
    const metrics = (value: number) => [{ name: 'cpu_load', type: 'numeric', value }];
    await post(buildIngest({ machine, metrics: metrics(2), sent_at: at(2) }));
    await post(buildIngest({ machine, metrics: metrics(1), sent_at: at(1) }));
    await post(buildIngest({ machine, metrics: metrics(3), sent_at: at(3) }));
    const { rows } = await sql<{ num_value: number; at_ms: number }>`
      select l.num_value, (extract(epoch from l.at) * 1000)::float8 as at_ms from metric_latest l join metric_instances i on i.key = l.metric_key
      join machines m on m.key = i.machine_key where m.hostname = 'late-one' and m.client_id = ${client.clientId}
    `.execute(db());
    expect(rows).toEqual([{ num_value: 1, at_ms: now - 60_000 }]);
  });

  it('should take gzip', async () => {
    const answer = await client.request('POST', '/ingest/metrics', {
      rawBody: gzipSync(JSON.stringify(buildIngest())) as Uint8Array<ArrayBuffer>,
      headers: { 'Content-Encoding': 'gzip' },
    });
    expect(answer).toMatchObject({ status: 202, body: { accepted: 3 } });
  });

  it('should take 10,000 metrics at once', async () => {
    const metrics = Array.from({ length: 10_000 }, (_, index) => ({
      name: `sensor_${index}`,
      type: 'numeric',
      value: index,
    }));
    const { status, body } = await post(buildIngest({ metrics }));
    expect({ status, accepted: body.accepted }).toEqual({ status: 202, accepted: 10_000 });
    expect(await samplesOf(api.orm, body.machine_id)).toHaveLength(10_000);
  });

  it('should take the key only, and keep machines of the same name apart between clients', async () => {
    expect((await api.anonymous.post('/ingest/metrics', buildIngest())).status).toBe(401);
    const stranger = await api.newClient();
    const body = buildIngest();
    const id = randomUUID();
    const mine = await post(body, id);
    const theirs = await post(body, id, stranger);
    expect(theirs).toMatchObject({ status: 202, body: { duplicate: false } });
    expect(theirs.body.machine_id).not.toBe(mine.body.machine_id);
  });

  it('should register a machine anew that was deleted', async () => {
    const body = buildIngest();
    const first = await post(body);
    await sql`update machines set unregistered_at = now() where id = ${first.body.machine_id}`.execute(db());
    const second = await post(body);
    expect(second.status).toBe(202);
    expect(second.body.machine_id).not.toBe(first.body.machine_id);
    expect(await samplesOf(api.orm, first.body.machine_id)).toHaveLength(3);
    expect(await samplesOf(api.orm, second.body.machine_id)).toHaveLength(3);
  });
});

describe('a metric that was forgotten', () => {
  it('should be registered anew when it comes again, and lose nothing', async () => {
    const machine = { hostname: `seldom-${randomUUID()}` };
    const { body } = await post(buildIngest({ machine }));
    await sql`delete from metric_instances where name = 'version' and machine_key = (
      select key from machines where id = ${body.machine_id})`.execute(db());
    expect((await post(buildIngest({ machine }))).status).toBe(202);
    const samples = await samplesOf(api.orm, body.machine_id);
    expect(samples.map(({ name }) => name).sort()).toEqual([
      ...['cpu_load', 'cpu_load', 'service_nginx_ok', 'service_nginx_ok', 'version'],
    ]);
  });
});

describe('ingest of many machines', () => {
  it('should store all of them, each under its own id', async () => {
    const batches = Array.from({ length: 20 }, () => ({ ...buildIngest(), ingest_id: randomUUID() }));
    const answer = await client.post('/ingest/batch', { batches });
    expect(answer.status).toBe(202);
    const { items } = answer.body as { items: IngestAnswer[] };
    expect(items.map(({ ingest_id: id }) => id)).toEqual(batches.map(({ ingest_id: id }) => id));
    expect(new Set(items.map(({ machine_id: id }) => id)).size).toBe(20);
    expect(await samplesOf(api.orm, items[7]?.machine_id ?? '')).toHaveLength(3);
    expect(await client.post('/ingest/batch', { batches })).toMatchObject({ status: 200 });
    expect(await samplesOf(api.orm, items[7]?.machine_id ?? '')).toHaveLength(3);
  });

  it('should register nothing of batches that contradict each other', async () => {
    const hostname = `odd-${randomUUID()}`;
    const of = (ingestId: string, type: string, value: unknown) =>
      buildIngest({ machine: { hostname }, ingest_id: ingestId, metrics: [{ name: 'a', type, value }] });
    for (const batches of [
      [of('same', 'numeric', 1), of('same', 'numeric', 2)],
      [of(randomUUID(), 'numeric', 1), of(randomUUID(), 'string', 'x')],
    ]) {
      expect((await client.post('/ingest/batch', { batches })).status).toBe(422);
    }
    const { rows } = await sql`select from machines where hostname = ${hostname}`.execute(db());
    expect(rows).toHaveLength(0);
  });

  it('should store none of them when one is refused', async () => {
    const taken = randomUUID();
    await post(buildIngest(), taken);
    const hostname = `relay-${randomUUID()}`;
    const batches = [
      buildIngest({ machine: { hostname }, ingest_id: randomUUID() }),
      buildIngest({ ingest_id: taken }),
    ];
    const answer = await client.post('/ingest/batch', { batches });
    expect(answer).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'batches', 1, 'ingest_id'], type: 'ingest_id_taken' }] },
    });
    const { rows } = await sql`select from machines where hostname = ${hostname}`.execute(db());
    expect(rows).toHaveLength(0);
  });
});
