import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';
import { StoredMetrics, type RowRef } from '../support/storedMetrics.ts';

let api: ApiUnderTest;
let rows: StoredMetrics;
let client: ApiClient;
let machine: RowRef;
beforeAll(async () => {
  api = await startApi();
  rows = new StoredMetrics(api.orm);
  client = await api.newClient();
});
afterAll(() => api.close());
beforeEach(async () => {
  machine = await rows.insertMachine({ clientId: client.clientId, lastSeenAt: '2026-06-01T11:59:48.000Z' });
});

const pause = (paused: unknown, id = machine.id) =>
  client.request('PATCH', `/machines/${id}/pause`, { body: { paused } });

const transitions = () =>
  rows.execute(sql<{ from_status: string; to_status: string; last_seen_at: string }>`
    select from_status, to_status, last_seen_at from machine_transitions where machine_key = ${machine.key} order by id
  `);

describe('#machines.pause', () => {
  it('should show a paused machine as PAUSED, and a resumed one as UNKNOWN', async () => {
    const paused = await pause(true);
    expect([paused.status, paused.body]).toMatchObject([
      200,
      { success: true, machine: { id: machine.id, status: 'PAUSED', is_paused: true } },
    ]);
    expect((await pause(false)).body).toMatchObject({ machine: { status: 'UNKNOWN', is_paused: false } });
    expect(await transitions()).toMatchObject([
      { from_status: 'up', to_status: 'paused' },
      { from_status: 'paused', to_status: 'unknown' },
    ]);
  });

  it('should hand its workflow what there is to know, and each change once', async () => {
    await client.put('/settings', { heartbeat_threshold_minutes: 7 });
    const before = api.heartbeats.changed.length;
    await pause(true);
    await pause(true);
    const [row] = await rows.execute(
      sql<{ version: number }>`select version from machines where key = ${machine.key}`,
    );
    const version = row?.version ?? 0;
    expect(version).toBeGreaterThan(1);
    expect(api.heartbeats.changed.slice(before)).toEqual([
      {
        machineId: machine.id,
        clientId: client.clientId,
        schedule: { version, hostname: expect.any(String), isActive: false, thresholdSeconds: 420 },
        state: {
          status: 'paused',
          episode: 0,
          lastSeenAt: Date.parse('2026-06-01T11:59:48Z'),
          lastStateChangeAt: expect.any(Number),
        },
      },
    ]);
    await pause(false);
    expect(api.heartbeats.changed.at(-1)).toMatchObject({
      schedule: { version: version + 1, isActive: true },
      state: { status: 'unknown' },
    });
    expect(await transitions()).toHaveLength(2);
  });

  it('should pause once when several ask at the same time', async () => {
    const lock = sql`select from machines where key = ${machine.key} for update`;
    const answers = await rows.whileLocked(lock, 3, () =>
      Promise.all([pause(true), pause(true), pause(true)]),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await transitions()).toHaveLength(1);
  });

  it('should pause also while Temporal is away', async () => {
    api.heartbeats.isThere = false;
    expect((await pause(true)).status).toBe(200);
    api.heartbeats.isThere = true;
  });

  it.each([
    [{}, { 'body.paused': 'missing' }],
    [{ paused: 'yes' }, { 'body.paused': 'bool_type' }],
    [{ paused: null }, { 'body.paused': 'bool_type' }],
    [{ paused: true, reason: 'x' }, { 'body.reason': 'extra_forbidden' }],
  ])('should refuse %j', async (body, expected) => {
    const answer = await client.request('PATCH', `/machines/${machine.id}/pause`, { body });
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
  });
});

describe('#machines.delete', () => {
  it('should delete once, retire the workflow, and hide the machine with its metrics', async () => {
    const metric = await rows.insertMetric(machine);
    const answer = await client.delete(`/machines/${machine.id.toUpperCase()}`);
    expect([answer.status, answer.body]).toEqual([200, { deleted: machine.id }]);
    expect(api.heartbeats.retired).toContain(machine.id);
    const after = await Promise.all([
      client.delete(`/machines/${machine.id}`),
      client.get(`/machines/${machine.id}/detail`),
      pause(true),
      client.get(`/metrics/${machine.id}`),
      client.get(`/metrics/${metric.id}/samples`),
      client.post(`/metrics/${metric.id}/thresholds/default`, { comparison: 'gt', value_num: 1 }),
      client.request('PATCH', `/metrics/${metric.id}/pause`, { body: { paused: true } }),
      client.request('PATCH', `/metrics/${metric.id}/alerting`, { body: { alert_enabled: true } }),
    ]);
    expect(after.map(({ status }) => status)).toEqual(new Array(8).fill(404));
    expect((await client.get(`/metrics?machine_id=${machine.id}`)).body).toMatchObject({
      items: [],
      total: 0,
    });
    expect(((await client.get('/machines')).body as { id: string }[]).map(({ id }) => id)).not.toContain(
      machine.id,
    );
  });

  it('should free the hostname', async () => {
    const first = await rows.insertMachine({ clientId: client.clientId, hostname: 'again' });
    await client.delete(`/machines/${first.id}`);
    const second = await rows.insertMachine({ clientId: client.clientId, hostname: 'again' });
    expect((await client.get('/machines?q=again')).body).toMatchObject([{ id: second.id }]);
  });

  it('should delete also while Temporal is away, and answer 404 for every id that is not there', async () => {
    api.heartbeats.isThere = false;
    expect((await client.delete(`/machines/${machine.id}`)).status).toBe(200);
    api.heartbeats.isThere = true;
    for (const id of [randomUUID(), 'nonsense', '%00', '../settings', '1']) {
      const path = `/machines/${encodeURIComponent(id)}`;
      expect((await client.delete(path)).status).toBe(404);
      expect((await client.get(`${path}/detail`)).status).toBe(404);
      expect((await client.request('PATCH', `${path}/pause`, { body: { paused: 1 } })).status).toBe(422);
      expect((await client.request('PATCH', `${path}/pause`, { body: { paused: true } })).status).toBe(404);
    }
  });
});
