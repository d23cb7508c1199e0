import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import pg from 'pg';
import type { RollupReport } from '../../../src/activities/contracts.ts';
import { rollUp as rollUpAll } from '../../../src/activities/rollUp.ts';
import { markLateSampleHours } from '../../../src/db/repositories/lateSampleHours.ts';
import { Rollups } from '../../../src/db/repositories/rollups.ts';
import { SAMPLE_ROLLUPS } from '../../../src/db/repositories/sampleRollups.ts';
import type { MetricSample } from '../../../src/domain/threshold.ts';
import {
  createMetric,
  postSamples,
  setSamplesRolledUpUntil,
  type MetricRow,
} from '../../support/evaluatedMetrics.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Midnight, days back. */
const START = Math.floor(Date.now() / DAY) * DAY - 10 * DAY;

let db: TargetDatabase;
let metric: MetricRow;

beforeAll(async () => {
  db = await openTargetDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  await execute('truncate metric_samples, sample_hourly_rollups, sample_daily_rollups, late_sample_hours');
  metric = await createMetric(db.orm);
  await setSamplesRolledUpUntil(db.orm, START);
});

async function execute<T extends object>(statement: string): Promise<T[]> {
  const { rows } = await sql.raw<T>(statement).execute(db.orm.em.fork().getKysely<object>());
  return rows;
}

/** What the Schedule starts, at a moment of the test. */
function rollUp(now: number): Promise<RollupReport> {
  const rollups = new Rollups(db.orm.em.fork(), SAMPLE_ROLLUPS);
  return rollUpAll({ rollups, clock: { now: () => now }, progress: () => undefined });
}

interface Rollup {
  readonly at: number;
  readonly samples: number;
  readonly total: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly trues: number | null;
}

function read(period: 'hour' | 'day', { key }: MetricRow = metric): Promise<Rollup[]> {
  const table = period === 'hour' ? 'sample_hourly_rollups' : 'sample_daily_rollups';
  return execute(`
    select (extract(epoch from ${period}) * 1000)::float8 as at, samples, total, low, high, trues
    from ${table} where metric_key = ${key} order by 1
  `);
}

function every(
  widthMs: number,
  from: number,
  until: number,
  value: MetricSample['value'] = 1,
): MetricSample[] {
  return Array.from({ length: (until - from) / widthMs }, (_, index) => ({
    at: from + index * widthMs,
    value,
  }));
}

/** As ingest stores what comes late. */
async function postLate(at: number, value: number): Promise<void> {
  await postSamples(db.orm, metric, [{ at, value }]);
  await markLateSampleHours(db.orm.em.fork().getKysely<object>(), [metric.key], [at]);
}

describe('the rollups of samples', () => {
  it('hold count, total, lowest and highest of an hour, and nothing of its neighbours', async () => {
    await postSamples(db.orm, metric, [
      { at: START - 1, value: 1_000 },
      { at: START, value: 2 },
      { at: START + MINUTE, value: -1.5 },
      { at: START + HOUR - 1, value: 4 },
      { at: START + HOUR, value: 1_000 },
    ]);
    expect(await rollUp(START + HOUR + 5 * MINUTE)).toEqual({
      ...{ hours: 1, rows: 1, lateHours: 0, completeUntil: START + HOUR },
    });
    expect(await read('hour')).toEqual([
      { at: START, samples: 3, total: 4.5, low: -1.5, high: 4, trues: null },
    ]);
  });

  it('hold how often a boolean was true, and nothing of strings', async () => {
    const service = await createMetric(db.orm, { type: 'boolean' });
    const version = await createMetric(db.orm, { type: 'string' });
    await postSamples(db.orm, service, every(10 * MINUTE, START, START + HOUR, true));
    await postSamples(db.orm, service, [{ at: START + 1, value: false }]);
    await postSamples(db.orm, version, [{ at: START, value: '1.2.3' }]);
    expect(await rollUp(START + HOUR + 5 * MINUTE)).toMatchObject({ rows: 1 });
    expect(await read('hour', service)).toEqual([
      { at: START, samples: 7, total: null, low: null, high: null, trues: 6 },
    ]);
    expect(await read('hour', version)).toEqual([]);
  });

  it('bear values whose sum is beyond all numbers', async () => {
    const other = await createMetric(db.orm);
    await postSamples(db.orm, metric, every(10 * MINUTE, START, START + HOUR, 1.7e308));
    await postSamples(db.orm, other, [{ at: START, value: 5 }]);
    expect(await rollUp(START + HOUR + 5 * MINUTE)).toMatchObject({ rows: 2 });
    expect(await read('hour')).toMatchObject([{ samples: 6, low: 1.7e308, high: 1.7e308 }]);
    expect(await read('hour', other)).toMatchObject([{ total: 5 }]);
  });

  it('catch up after an outage of days, and merge each day that is over', async () => {
    await postSamples(db.orm, metric, every(10 * MINUTE, START, START + DAY, 2));
    await postSamples(db.orm, metric, every(10 * MINUTE, START + DAY, START + 2 * DAY + HOUR, 3));
    expect(await rollUp(START + 2 * DAY + HOUR + 7 * MINUTE)).toMatchObject({ hours: 49, rows: 1 });
    expect(await read('hour')).toHaveLength(49);
    expect(await read('day')).toEqual([
      { at: START, samples: 144, total: 288, low: 2, high: 2, trues: null },
      { at: START + DAY, samples: 144, total: 432, low: 3, high: 3, trues: null },
    ]);
  });

  it('are the same, however often they are written', async () => {
    await postSamples(db.orm, metric, every(MINUTE, START, START + DAY, 0.1));
    await rollUp(START + DAY + HOUR);
    const before = [await read('hour'), await read('day')];
    await setSamplesRolledUpUntil(db.orm, START);
    await Promise.all([1, 2].map(() => rollUp(START + DAY + HOUR)));
    expect([await read('hour'), await read('day')]).toEqual(before);
  });

  it('are written anew for an hour that gets a sample later', async () => {
    await postSamples(db.orm, metric, every(MINUTE, START, START + DAY));
    await rollUp(START + DAY + HOUR);
    await postLate(START + 5 * HOUR + 1, 9);
    await postLate(START + 5 * HOUR + 2, 5);
    expect(await rollUp(START + DAY + HOUR)).toMatchObject({ hours: 0, lateHours: 1 });
    expect((await read('hour'))[5]).toMatchObject({ samples: 62, total: 74, high: 9 });
    expect(await read('day')).toMatchObject([{ samples: 1_442, total: 1_454, high: 9 }]);
    expect(await rollUp(START + DAY + HOUR)).toMatchObject({ lateHours: 0 });
  });

  it('are written anew once for an hour, however often it is marked', async () => {
    await postSamples(db.orm, metric, every(MINUTE, START, START + DAY));
    await rollUp(START + DAY + HOUR);
    await postSamples(db.orm, metric, [{ at: START + 1, value: 9 }]);
    await execute(`
      insert into late_sample_hours
      select ${metric.key}, '${new Date(START).toISOString()}'::timestamptz + (n % 2) * interval '1 hour'
      from generate_series(1, 1000) n
    `);
    expect(await rollUp(START + DAY + HOUR)).toMatchObject({ lateHours: 2 });
    expect((await read('hour'))[0]).toMatchObject({ samples: 61, high: 9 });
    expect(await execute('select from late_sample_hours')).toEqual([]);
  });

  it('lose no mark that comes while an hour is written anew', async () => {
    await postSamples(db.orm, metric, every(MINUTE, START, START + DAY));
    await rollUp(START + DAY + HOUR);
    await postLate(START + 1, 5);
    const ingest = new pg.Client({ connectionString: db.url });
    await ingest.connect();
    try {
      const at = new Date(START + 2).toISOString();
      await ingest.query('begin');
      await ingest.query('insert into metric_samples (at, num_value, metric_key) values ($1, 9, $2)', [
        at,
        metric.key,
      ]);
      await ingest.query(`insert into late_sample_hours values ($1, date_trunc('hour', $2::timestamptz))`, [
        metric.key,
        at,
      ]);
      expect(await rollUp(START + DAY + HOUR)).toMatchObject({ lateHours: 1 });
      await ingest.query('commit');
    } finally {
      await ingest.end();
    }
    expect((await read('hour'))[0]).toMatchObject({ samples: 61, high: 5 });
    expect(await rollUp(START + DAY + HOUR)).toMatchObject({ lateHours: 1 });
    expect((await read('hour'))[0]).toMatchObject({ samples: 62, high: 9 });
  });

  it('are not looked for of machines that were deleted before', async () => {
    await postSamples(db.orm, metric, every(MINUTE, START, START + 2 * HOUR));
    const deleted = new Date(START + 90 * MINUTE).toISOString();
    await execute(`update machines set unregistered_at = '${deleted}' where key = ${metric.machineKey}`);
    expect(await rollUp(START + 4 * HOUR)).toMatchObject({ hours: 3, rows: 1 });
    expect((await read('hour')).map(({ at }) => at)).toEqual([START, START + HOUR]);
    const keys = await SAMPLE_ROLLUPS.allKeys(
      db.orm.em.fork().getKysely<object>(),
      sql`now()`,
      START + 2 * HOUR,
    );
    for (const query of keys) {
      const { rows } = await sql`select * from (${query}) k (key, at) where key = ${metric.key}`.execute(
        db.orm.em.fork().getKysely<object>(),
      );
      expect(rows).toEqual([]);
    }
  });

  it('lose nothing when a late sample comes to a day whose samples are gone', async () => {
    await postSamples(db.orm, metric, every(MINUTE, START, START + DAY));
    await rollUp(START + DAY + HOUR);
    await execute('truncate metric_samples');
    await postLate(START + 1, 50);
    await rollUp(START + DAY + HOUR);
    expect((await read('hour'))[0]).toMatchObject({ samples: 60, high: 1 });
    expect(await read('day')).toMatchObject([{ samples: 1_440, high: 1 }]);
  });
});

describe('#markLateSampleHours', () => {
  it('notes each hour of a metric once, and none that goes on', async () => {
    const now = START + 10 * HOUR;
    const instants = [START, START + 1, START + HOUR, now - HOUR, now - 1, now];
    const keys = instants.map(() => 7);
    await markLateSampleHours(db.orm.em.fork().getKysely<object>(), keys, instants, now + 59_999);
    const marks = () =>
      execute(`select metric_key as key, (extract(epoch from hour) * 1000)::float8 as hour from late_sample_hours
        order by hour`);
    expect(await marks()).toEqual([START, START + HOUR].map((hour) => ({ key: 7, hour })));
    await markLateSampleHours(db.orm.em.fork().getKysely<object>(), [7], [now - HOUR], now + 60_000);
    expect(await marks()).toHaveLength(3);
  });
});
