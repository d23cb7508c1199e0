import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import pg from 'pg';
import { forgetMetrics } from '../../../src/activities/forgetMetrics.ts';
import type { ForgottenMetrics } from '../../../src/activities/contracts.ts';
import { OldMetrics } from '../../../src/db/repositories/oldMetrics.ts';
import { createMetric, setThreshold, type MetricRow } from '../../support/evaluatedMetrics.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';

let db: TargetDatabase;
beforeAll(async () => {
  db = await openTargetDatabase();
});
afterAll(() => db.close());
beforeEach(() => execute('truncate machines, metric_definitions cascade'));

async function execute<T extends object>(statement: string): Promise<T[]> {
  const { rows } = await sql.raw<T>(statement).execute(db.orm.em.fork().getKysely<object>());
  return rows;
}

/** What retention does with samples of ten days kept. */
function forget(progress: () => void = () => undefined): Promise<ForgottenMetrics> {
  return forgetMetrics({
    oldMetrics: new OldMetrics(db.orm.em.fork()),
    clock: { now: () => Date.now() },
    retentionDays: { samples: 10 },
    progress,
  });
}

const keys = async (table: string, column: string) =>
  (await execute<{ key: number }>(`select distinct ${column} as key from ${table} order by 1`)).map(
    ({ key }) => key,
  );

/** A metric that was made, and came for the last time, so many days ago; null when it never came. */
async function metricOf(madeDaysAgo: number, cameDaysAgo: number | null, machineKey?: number) {
  const metric = await createMetric(db.orm, machineKey === undefined ? {} : { machineKey });
  await execute(`
    update metric_instances set created_at = now() - interval '${madeDaysAgo} days' where key = ${metric.key};
    update metric_latest set received_at = now() - interval '${cameDaysAgo ?? 0} days' where metric_key = ${metric.key}
      and ${cameDaysAgo !== null}
  `);
  return metric;
}

async function transitions({ key, machineKey }: MetricRow, daysAgo: number, count = 1): Promise<void> {
  const time = `now() - interval '${daysAgo} days'`;
  await execute(`
    insert into metric_transitions
      (metric_key, client_id, episode, from_state, to_state, at, reason, is_alerting, created_at)
    select ${key}, gen_random_uuid(), n, 'ok', 'breached', ${time}, '1 is above 0', true, ${time}
    from generate_series(1, ${count}) n;
    insert into machine_transitions (machine_key, episode, from_status, to_status, at)
    values (${machineKey}, 1, 'up', 'down', ${time})
  `);
}

describe('what is known of metrics', () => {
  it('is forgotten with a machine that was deleted long ago, and no other', async () => {
    const old = await Promise.all(Array.from({ length: 7 }, () => metricOf(20, 15)));
    const [young, living] = [await metricOf(20, 5), await metricOf(20, 0)];
    await Promise.all([...old, young, living].map((metric) => transitions(metric, 15)));
    const ofThem = old.map(({ machineKey }) => machineKey).join();
    await execute(`
      update machines set unregistered_at = now() - interval '11 days' where key in (${ofThem});
      update machines set unregistered_at = now() - interval '9 days' where key = ${young.machineKey}
    `);
    let steps = 0;
    expect(await forget(() => (steps += 1))).toEqual({
      ...{ forgottenMachines: 7, forgottenMetrics: 0, forgottenTransitions: 0 },
    });
    expect(steps).toBeGreaterThan(4);
    const left = [young, living];
    const ofLeft = left.map(({ key }) => key);
    expect(await keys('machines', 'key')).toEqual(left.map(({ machineKey }) => machineKey));
    for (const table of ['metric_latest', 'metric_evaluations', 'metric_transitions']) {
      expect(await keys(table, 'metric_key')).toEqual(ofLeft);
    }
    expect(await keys('machine_transitions', 'machine_key')).toEqual(left.map((metric) => metric.machineKey));
  });

  it('is forgotten of a metric that does not come any more, unless somebody gave it a threshold', async () => {
    const gone = await metricOf(20, 11);
    const kept = [
      await metricOf(20, 9, gone.machineKey),
      await metricOf(9, null, gone.machineKey),
      await metricOf(20, 11, gone.machineKey),
    ];
    await metricOf(20, null, gone.machineKey);
    const [, , watched] = kept;
    if (watched !== undefined) await setThreshold(db.orm, watched);
    expect(await forget()).toMatchObject({ forgottenMachines: 0, forgottenMetrics: 2 });
    expect(await keys('metric_instances', 'key')).toEqual(kept.map(({ key }) => key));
    expect(await execute('select from metric_definitions')).toHaveLength(3);
    expect(await forget()).toMatchObject({ forgottenMetrics: 0 });
  });

  it('stays where a sample comes at the same moment', async () => {
    const metric = await metricOf(20, 11);
    const ingest = new pg.Client({ connectionString: db.url });
    await ingest.connect();
    try {
      await ingest.query('begin');
      await ingest.query('update metric_latest set received_at = now()');
      expect(await forget()).toMatchObject({ forgottenMetrics: 0 });
      await ingest.query('commit');
    } finally {
      await ingest.end();
    }
    expect(await forget()).toMatchObject({ forgottenMetrics: 0 });
    expect(await keys('metric_instances', 'key')).toEqual([metric.key]);
  });

  it('is looked through in steps, each where the last one ended', async () => {
    const { machineKey } = await metricOf(20, 0);
    await execute(`
      insert into metric_instances (client_id, machine_key, definition_id, name, type, created_at)
      select client_id, machine_key, definition_id, name || n, type, now() - interval '20 days'
      from metric_instances, generate_series(1, 11000) n where machine_key = ${machineKey};
      insert into metric_latest (metric_key, received_at)
        select key, now() - interval '11 days' from metric_instances on conflict do nothing
    `);
    expect(await forget()).toMatchObject({ forgottenMetrics: 11_000 });
    expect(await execute('select from metric_instances')).toHaveLength(1);
  });

  it('is forgotten of transitions after 400 days', async () => {
    const metric = await metricOf(500, 0);
    await transitions(metric, 401, 10_001);
    await transitions(metric, 399, 3);
    expect(await forget()).toMatchObject({ forgottenTransitions: 10_002 });
    expect(await execute('select from metric_transitions')).toHaveLength(3);
    expect(await execute('select from machine_transitions')).toHaveLength(1);
  });
});
