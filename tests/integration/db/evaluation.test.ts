import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import pg from 'pg';
import { EvaluationRepository, type EvaluationCounts } from '../../../src/db/repositories/evaluation.ts';
import { DEV_CLIENT_ID } from '../../../src/db/seeders/devAccess.ts';
import {
  createMetric,
  postSamples,
  reportWithout,
  setThreshold,
  transitionsOf,
  type MetricRow,
} from '../../support/evaluatedMetrics.ts';
import { untilLockIsAwaited } from '../../support/advisoryLocks.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A full minute, one ago at least. */
const NOW = Math.floor(Date.now() / MINUTE) * MINUTE - MINUTE;

let db: TargetDatabase;
let metric: MetricRow;

beforeAll(async () => {
  db = await openTargetDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  await execute('truncate machines cascade; truncate metric_samples');
  metric = await createMetric(db.orm, { hostname: 'web-01' });
});

async function execute<T extends object>(statement: string): Promise<T[]> {
  const { rows } = await sql.raw<T>(statement).execute(db.orm.em.fork().getKysely<object>());
  return rows;
}

/** What the Schedule has done for a client. */
async function evaluate(clientId = DEV_CLIENT_ID): Promise<EvaluationCounts> {
  const evaluation = new EvaluationRepository(db.orm.em.fork());
  const all = { metrics: 0, breached: 0, recovered: 0, stale: 0 };
  for (let afterKey: number | null = 0; afterKey !== null;) {
    const done = await evaluation.evaluateChunk([clientId], afterKey, Date.now());
    for (const count of ['metrics', 'breached', 'recovered', 'stale'] as const) all[count] += done[count];
    afterKey = done.nextAfterKey;
  }
  return all;
}

const post = (value: number, at: number) => postSamples(db.orm, metric, [{ at, value }]);
const story = async (of = metric) =>
  (await transitionsOf(db.orm, of)).map(({ from, to }) => `${from} > ${to}`);

describe('a deleted machine', () => {
  const counted = async () => {
    const clients = await new EvaluationRepository(db.orm.em.fork()).clients();
    return clients.map(({ metrics }) => metrics);
  };

  it('is evaluated until its metrics are ok, and no longer', async () => {
    await createMetric(db.orm);
    await createMetric(db.orm, { machineKey: metric.machineKey });
    await execute(`update machines set unregistered_at = now() where key = ${metric.machineKey}`);
    expect(await counted()).toEqual([1]);
    await execute(`update metric_evaluations set state = 'breached' where metric_key = ${metric.key}`);
    expect(await counted()).toEqual([2]);
    expect(await evaluate()).toMatchObject({ metrics: 2 });
    expect(await transitionsOf(db.orm, metric)).toMatchObject([{ to: 'ok', reason: 'web-01 was deleted' }]);
    expect(await counted()).toEqual([1]);
    expect(await evaluate()).toMatchObject({ metrics: 1 });
  });
});

describe('a threshold', () => {
  it('is judged by every sample since the last time, in order of time', async () => {
    await setThreshold(db.orm, metric);
    await post(0, NOW - 10 * MINUTE);
    await evaluate();
    await postSamples(
      db.orm,
      metric,
      [0, 2, 2, 0, 3].map((value, index) => ({ at: NOW - (9 - index) * MINUTE, value })),
    );
    expect(await evaluate()).toEqual({ metrics: 1, breached: 2, recovered: 1, stale: 0 });
    expect(await transitionsOf(db.orm, metric)).toEqual([
      {
        ...{ from: 'ok', to: 'breached', episode: 1, at: NOW - 8 * MINUTE, isAlerting: true },
        reason: '2 is above 1',
      },
      {
        ...{ from: 'breached', to: 'ok', episode: 1, at: NOW - 6 * MINUTE, isAlerting: true },
        reason: 'back to 0, below 1',
      },
      {
        ...{ from: 'ok', to: 'breached', episode: 2, at: NOW - 5 * MINUTE, isAlerting: true },
        reason: '3 is above 1',
      },
    ]);
    expect(await evaluate()).toEqual({ metrics: 1, breached: 0, recovered: 0, stale: 0 });
    expect(await story()).toHaveLength(3);
  });

  it('begins with the newest sample', async () => {
    await postSamples(db.orm, metric, [
      { at: NOW - 2 * MINUTE, value: 5 },
      { at: NOW - MINUTE, value: 0 },
      { at: NOW, value: 2 },
    ]);
    await evaluate();
    await setThreshold(db.orm, metric, { consecutiveBreaches: 2 });
    await evaluate();
    expect(await story()).toEqual([]);
    await post(2, NOW + 1);
    await evaluate();
    expect(await transitionsOf(db.orm, metric)).toMatchObject([
      { to: 'breached', reason: expect.stringMatching(/^2 is above 1 \(2 samples in a row since .{8}\)$/) },
    ]);
  });

  it('that is changed starts afresh with the newest sample, a breach included', async () => {
    await setThreshold(db.orm, metric);
    await post(2, NOW);
    await evaluate();
    await setThreshold(db.orm, metric, { valueNum: 1.5 });
    await evaluate();
    expect(await story()).toEqual(['ok > breached']);
    await setThreshold(db.orm, metric, { valueNum: 3 });
    await evaluate();
    await setThreshold(db.orm, metric, { valueNum: 1, consecutiveBreaches: 2 });
    await evaluate();
    await evaluate();
    expect(await story()).toEqual(['ok > breached', 'breached > ok']);
    await post(2, NOW + 1);
    await evaluate();
    expect(await story()).toEqual(['ok > breached', 'breached > ok', 'ok > breached']);
  });

  it.each([
    [
      'switched off',
      `update thresholds set is_active = false, updated_at = clock_timestamp()`,
      /switched off/,
      false,
    ],
    ['deleted', `delete from thresholds`, /removed/, false],
    [
      'paused with its metric',
      `update metric_instances set is_paused = true`,
      /^the metric was paused$/,
      true,
    ],
    ['paused with its machine', `update machines set is_paused = true`, /^web-01 was paused$/, true],
    ['gone with its machine', `update machines set unregistered_at = now()`, /^web-01 was deleted$/, true],
  ])('that is %s no longer breaches', async (_what, change, reason, isAlerting) => {
    await setThreshold(db.orm, metric);
    await post(2, NOW);
    await evaluate();
    await execute(change);
    await evaluate();
    await evaluate();
    expect((await transitionsOf(db.orm, metric)).slice(1)).toEqual([
      {
        ...{ from: 'breached', to: 'ok', episode: 1, isAlerting, at: expect.any(Number) },
        reason: expect.stringMatching(reason),
      },
    ]);
  });

  it('does not judge what came during a pause, not even afterwards', async () => {
    await setThreshold(db.orm, metric, { consecutiveBreaches: 2 });
    await post(2, NOW - 5 * MINUTE);
    await evaluate();
    await execute('update metric_instances set is_paused = true');
    await post(2, NOW - 4 * MINUTE);
    await evaluate();
    await execute('update metric_instances set is_paused = false');
    await post(2, NOW - 3 * MINUTE);
    await evaluate();
    expect(await story()).toEqual([]);
    await post(2, NOW - 2 * MINUTE);
    await evaluate();
    expect(await story()).toEqual(['ok > breached']);
  });

  it('of which nobody wants to hear breaches silently', async () => {
    await execute('update metric_instances set is_alerting_enabled = false');
    await setThreshold(db.orm, metric);
    await post(2, NOW);
    await evaluate();
    expect(await transitionsOf(db.orm, metric)).toMatchObject([{ to: 'breached', isAlerting: false }]);
  });

  it('leaves late samples alone', async () => {
    await setThreshold(db.orm, metric);
    await post(0, NOW);
    await evaluate();
    await postSamples(db.orm, metric, [{ at: NOW - MINUTE, value: 9 }], NOW + 1);
    await evaluate();
    expect(await story()).toEqual([]);
  });
});

describe('an evaluation', () => {
  it('that runs twice at once fires nothing twice', async () => {
    await setThreshold(db.orm, metric);
    await post(2, NOW);
    const runs = await Promise.all([1, 2, 3, 4].map(() => evaluate()));
    expect(runs.reduce((sum, { breached }) => sum + breached, 0)).toBe(1);
    expect(await story()).toEqual(['ok > breached']);
  });

  it('that dies half-way leaves nothing, and the next one does it all', async () => {
    await setThreshold(db.orm, metric);
    await post(2, NOW);
    await execute(`
      create function die() returns trigger language plpgsql as 'begin raise exception ''power failure''; end';
      create trigger die before insert on metric_transitions for each row execute function die();
    `);
    await expect(evaluate()).rejects.toThrow('power failure');
    expect(await execute('select evaluated_until from metric_evaluations')).toEqual([
      { evaluated_until: null },
    ]);
    await execute('drop trigger die on metric_transitions; drop function die()');
    expect(await evaluate()).toMatchObject({ breached: 1 });
  });

  it('catches up after a long outage, sample by sample', async () => {
    await setThreshold(db.orm, metric);
    await post(0, NOW - 3 * DAY);
    await evaluate();
    const samples = Array.from({ length: 1_300 }, (_, index) => ({
      at: NOW - 3 * DAY + (index + 1) * 3 * MINUTE,
      value: index % 100 === 50 ? 2 : 0,
    }));
    await postSamples(db.orm, metric, samples);
    expect(await evaluate()).toEqual({ metrics: 1, breached: 13, recovered: 13, stale: 0 });
    const at = (await transitionsOf(db.orm, metric)).map((transition) => transition.at);
    expect(at).toEqual([...at].sort((a, b) => a - b));
  });

  it('judges metrics that kept up beside those that lag, and the clients together or apart', async () => {
    const lagging = await createMetric(db.orm);
    for (const each of [metric, lagging]) await setThreshold(db.orm, each);
    await postSamples(db.orm, metric, [{ at: NOW - MINUTE, value: 0 }]);
    await postSamples(db.orm, lagging, [{ at: NOW - 90 * DAY, value: 0 }]);
    await evaluate();
    await postSamples(db.orm, metric, [{ at: NOW, value: 2 }]);
    await postSamples(db.orm, lagging, [{ at: NOW, value: 2 }]);
    expect(await evaluate()).toEqual({ metrics: 2, breached: 2, recovered: 0, stale: 0 });
  });

  it('keeps to the metrics of its client', async () => {
    const [other] = await execute<{ id: string }>(`insert into clients (name) values ('other') returning id`);
    const clientId = other?.id ?? '';
    const theirs = await createMetric(db.orm, { clientId });
    for (const each of [metric, theirs]) {
      await setThreshold(db.orm, each);
      await postSamples(db.orm, each, [{ at: NOW, value: 2 }]);
    }
    expect(await new EvaluationRepository(db.orm.em.fork()).clients()).toEqual(
      expect.arrayContaining([
        { clientId, metrics: 1 },
        { clientId: DEV_CLIENT_ID, metrics: 1 },
      ]),
    );
    expect(await evaluate(clientId)).toMatchObject({ metrics: 1, breached: 1 });
    expect(await story()).toEqual([]);
    expect(
      await execute(`select client_id from metric_transitions where metric_key = ${theirs.key}`),
    ).toEqual([{ client_id: clientId }]);
    expect(
      await new EvaluationRepository(db.orm.em.fork()).evaluateChunk([clientId, DEV_CLIENT_ID], 0, NOW),
    ).toEqual({
      ...{ metrics: 2, breached: 1, recovered: 0, stale: 0, nextAfterKey: null },
    });
  });

  it('waits for whoever evaluates the same client', async () => {
    const other = new pg.Client({ connectionString: db.url });
    await other.connect();
    try {
      await other.query(
        `begin; select pg_advisory_xact_lock(hashtext('evaluation'), hashtext('${DEV_CLIENT_ID}'))`,
      );
      let isDone = false;
      const running = evaluate().then(() => (isDone = true));
      await untilLockIsAwaited(db);
      expect(isDone).toBe(false);
      await other.query('commit');
      await running;
    } finally {
      await other.end();
    }
  });
});

describe('a metric that stops arriving', () => {
  /** Sends once, then only its machine reports for so long. */
  async function silentFor(ms: number): Promise<void> {
    await post(0, NOW - HOUR);
    await evaluate();
    await reportWithout(db.orm, metric, NOW - HOUR + ms);
    await evaluate();
  }

  it('is stale after the threshold of heartbeats, which can alert', async () => {
    await setThreshold(db.orm, metric);
    await silentFor(5 * MINUTE);
    expect(await story()).toEqual([]);
    await silentFor(5 * MINUTE + 1);
    expect(await transitionsOf(db.orm, metric)).toEqual([
      {
        ...{ from: 'ok', to: 'stale', episode: 1, at: NOW - HOUR + 5 * MINUTE + 1, isAlerting: true },
        reason: 'no newer sample for 5 min, although web-01 reports',
      },
    ]);
    expect(await evaluate()).toMatchObject({ stale: 0 });
  });

  it('is stale without a threshold as well, and alerts nobody', async () => {
    await silentFor(12 * MINUTE);
    await post(0, NOW - MINUTE);
    await evaluate();
    expect(await transitionsOf(db.orm, metric)).toMatchObject([
      { to: 'stale', isAlerting: false },
      { from: 'stale', to: 'ok', episode: 1, at: NOW - MINUTE, reason: 'samples come again' },
    ]);
  });

  it('has three times as long as it usually takes', async () => {
    await execute(`update metric_latest set usual_gap_ms = ${10 * MINUTE}`);
    await silentFor(30 * MINUTE);
    expect(await story()).toEqual([]);
    await silentFor(30 * MINUTE + 1);
    expect(await story()).toEqual(['ok > stale']);
  });

  it.each([
    [
      'a threshold of its client that is longer',
      `insert into client_settings (client_id, heartbeat_threshold_minutes)
      values ('${DEV_CLIENT_ID}', 13) on conflict (client_id) do update set heartbeat_threshold_minutes = 13`,
    ],
    ['a pause', `update metric_instances set is_paused = true`],
    ['a pause of its machine', `update machines set is_paused = true`],
    ['a machine that is gone', `update machines set unregistered_at = now()`],
  ])('is not stale during %s', async (_what, change) => {
    await execute(change);
    await silentFor(12 * MINUTE);
    expect(await story()).toEqual([]);
    await execute(`update client_settings set heartbeat_threshold_minutes = 5`);
  });

  it('is not stale when its machine is silent too, however long', async () => {
    await setThreshold(db.orm, metric);
    await post(0, NOW - 20 * DAY);
    expect(await evaluate()).toMatchObject({ stale: 0 });
  });

  it('keeps its breach, and goes on with it', async () => {
    await setThreshold(db.orm, metric);
    await post(2, NOW - HOUR);
    await evaluate();
    await reportWithout(db.orm, metric, NOW - HOUR + 6 * MINUTE);
    await evaluate();
    await post(2, NOW - 2 * MINUTE);
    await evaluate();
    await post(0, NOW - MINUTE);
    await evaluate();
    expect(
      (await transitionsOf(db.orm, metric)).map(({ from, to, episode }) => `${from} > ${to} ${episode}`),
    ).toEqual([...['ok > breached 1', 'breached > stale 1', 'stale > breached 1', 'breached > ok 1']]);
  });

  it('is judged by the sample with which it comes back', async () => {
    await setThreshold(db.orm, metric);
    await silentFor(6 * MINUTE);
    await post(2, NOW);
    expect(await evaluate()).toMatchObject({ breached: 1 });
    expect(await story()).toEqual(['ok > stale', 'stale > ok', 'ok > breached']);
  });

  it('comes back with a late sample, which is not judged', async () => {
    await setThreshold(db.orm, metric);
    await silentFor(6 * MINUTE);
    await postSamples(db.orm, metric, [{ at: NOW - 2 * HOUR, value: 9 }], NOW);
    await evaluate();
    expect(await transitionsOf(db.orm, metric)).toMatchObject([
      { to: 'stale' },
      { from: 'stale', to: 'ok', at: NOW },
    ]);
  });

  it('is ok when its threshold goes, and stale again without one', async () => {
    await setThreshold(db.orm, metric);
    await silentFor(6 * MINUTE);
    await execute('delete from thresholds');
    await evaluate();
    await evaluate();
    expect(await transitionsOf(db.orm, metric)).toMatchObject([
      { to: 'stale', episode: 1, isAlerting: true },
      { from: 'stale', to: 'ok', episode: 1 },
      { from: 'ok', to: 'stale', episode: 2, isAlerting: false },
    ]);
  });
});
