import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import pg from 'pg';
import { rollUp as rollUpAll } from '../../../src/activities/rollUp.ts';
import type { RollupReport } from '../../../src/activities/contracts.ts';
import { CheckRepository } from '../../../src/db/repositories/checks.ts';
import { CHECK_ROLLUPS } from '../../../src/db/repositories/checkRollups.ts';
import { LATENCY_BUCKET } from '../../../src/db/repositories/checkSummary.ts';
import { Rollups } from '../../../src/db/repositories/rollups.ts';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';
import { BUCKET_LOWER_BOUNDS, bucketOf, histogramOf } from '../../../src/domain/latencyHistogram.ts';
import { buildResult } from '../../support/buildCheck.ts';
import { insertCheckRows, setRolledUpUntil, type CheckRow } from '../../support/checkRows.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TODAY = Math.floor(Date.now() / DAY) * DAY;
/** Midnight; whatever is rolled up here lies days back. */
const START = TODAY - 10 * DAY;

let db: TargetDatabase;
let target: Target;

beforeAll(async () => {
  db = await openTargetDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  target = await db.create();
  await execute('truncate checks, hourly_rollups, daily_rollups, late_check_hours');
  await setRolledUpUntil(db.orm, START);
});

const rollups = () => new Rollups(db.orm.em.fork(), CHECK_ROLLUPS);

/** What the Schedule starts, at a moment of the test. */
function rollUp(now: number, progress: () => void = () => undefined): Promise<RollupReport> {
  return rollUpAll({ rollups: rollups(), clock: { now: () => now }, progress });
}

async function execute<T extends object>(statement: string): Promise<T[]> {
  const { rows } = await sql.raw<T>(statement).execute(db.orm.em.fork().getKysely<object>());
  return rows;
}

interface Rollup {
  at: number;
  checks: number;
  ok: number;
  monitor_faults: number;
  buckets: number[];
  counts: number[];
}

function hourly(of: Target = target): Promise<Rollup[]> {
  return read('hourly_rollups', 'hour', of);
}
function daily(of: Target = target): Promise<Rollup[]> {
  return read('daily_rollups', 'day', of);
}
function read(table: string, time: string, { id }: Target): Promise<Rollup[]> {
  return execute(`
    select (extract(epoch from ${time}) * 1000)::float8 as at, checks, ok, monitor_faults, buckets, counts
    from ${table} join http_targets t on t.key = target_key where t.id = '${id}' order by 1
  `);
}

function everyMinute(from: number, until: number, row: Omit<CheckRow, 'at'> = {}): CheckRow[] {
  return Array.from({ length: (until - from) / MINUTE }, (_, index) => ({
    at: from + index * MINUTE,
    ...row,
  }));
}

/** As the recorder stores it. */
async function record(at: number, overrides: { latencyMs?: number; kind?: 'manual' } = {}): Promise<void> {
  const { latencyMs = 34, kind = 'scheduled' } = overrides;
  const timings = { dnsMs: 1, tcpMs: 1, tlsMs: null, firstByteMs: 2, totalMs: latencyMs };
  await new CheckRepository(db.orm.em.fork()).record([
    {
      targetId: target.id,
      result: buildResult({ scheduledAt: at, timings, kind }),
      version: null,
      watch: 'beside',
      decide: null,
    },
  ]);
}

describe('the bucket of a latency', () => {
  it('is the same in Postgres', async () => {
    const borders = BUCKET_LOWER_BOUNDS.flatMap((low) => [low - 1, low, Math.min(low + 1, 2_147_483_647)]);
    const values = [-5, 0, 1, 2, 32_767, 32_768, 61_000, 2_147_483_647, ...borders];
    const { rows } = await sql<{ total_ms: number; bucket: number }>`
      select c.total_ms, ${LATENCY_BUCKET} as bucket from unnest(${values}::int[]) as c (total_ms)
    `.execute(db.orm.em.fork().getKysely<object>());
    expect(rows.map(({ bucket }) => bucket)).toEqual(values.map(bucketOf));
  });
});

describe('#rollUp', () => {
  it('counts an hour: passed, failed, our own faults apart, latencies of those that passed', async () => {
    await insertCheckRows(db.orm, target.id, [
      { at: START, totalMs: 0 },
      { at: START + 1, totalMs: 34 },
      { at: START + 2, totalMs: 35 },
      { at: START + 3, totalMs: 9_000, outcome: 't' },
      { at: START + 4, totalMs: 1, outcome: 'm' },
      { at: START + HOUR - 1, totalMs: 34 },
      { at: START + HOUR, totalMs: 500 },
    ]);
    const report = await rollUp(START + HOUR + 5 * MINUTE);
    expect(report).toEqual({ hours: 1, rows: 1, lateHours: 0, completeUntil: START + HOUR });
    const latencies = histogramOf([0, 34, 35, 34]);
    expect(await hourly()).toEqual([{ at: START, checks: 5, ok: 4, monitor_faults: 1, ...latencies }]);
    expect(await daily()).toEqual([]);
  });

  it('keeps an hour in which nothing but our own faults happened', async () => {
    await insertCheckRows(db.orm, target.id, [{ at: START, outcome: 'm' }]);
    await rollUp(START + 2 * HOUR);
    expect(await hourly()).toEqual([
      { at: START, checks: 0, ok: 0, monitor_faults: 1, buckets: [], counts: [] },
    ]);
  });

  it('leaves an hour alone until five minutes after its end', async () => {
    await insertCheckRows(db.orm, target.id, [{ at: START }]);
    expect(await rollUp(START + HOUR + 5 * MINUTE - 1)).toMatchObject({ hours: 0, completeUntil: START });
    expect(await hourly()).toEqual([]);
  });

  it('refuses a clock that would roll up hours which have yet to come', async () => {
    await expect(rollUp(Date.now() + DAY)).rejects.toThrow('ahead of the database');
    expect(await rollups().completeUntil()).toBe(START);
  });

  it('catches up after an outage of three days, and merges each day that is over', async () => {
    await insertCheckRows(db.orm, target.id, [
      ...everyMinute(START, START + DAY, { totalMs: 20 }),
      ...everyMinute(START + DAY, START + 2 * DAY, { totalMs: 200, outcome: 't' }),
      ...everyMinute(START + 2 * DAY, START + 3 * DAY + HOUR, { totalMs: 2_000 }),
    ]);
    const report = await rollUp(START + 3 * DAY + HOUR + 7 * MINUTE);
    expect(report).toMatchObject({ hours: 73, completeUntil: START + 3 * DAY + HOUR });
    expect(await hourly()).toHaveLength(73);
    const day = { checks: 1_440, ok: 1_440, monitor_faults: 0, counts: [1_440] };
    expect(await daily()).toEqual([
      { ...day, at: START, buckets: [bucketOf(20)] },
      { ...day, at: START + DAY, ok: 0, buckets: [], counts: [] },
      { ...day, at: START + 2 * DAY, buckets: [bucketOf(2_000)] },
    ]);
  });

  it('gives the same, however often and from wherever it is done again', async () => {
    await insertCheckRows(db.orm, target.id, everyMinute(START, START + DAY, { totalMs: 77 }));
    await rollUp(START + DAY + HOUR);
    const before = [await hourly(), await daily()];
    await setRolledUpUntil(db.orm, START + 5 * HOUR);
    await rollUp(START + DAY + HOUR);
    await rollUp(START + DAY + HOUR);
    expect([await hourly(), await daily()]).toEqual(before);
  });

  it('goes on where it was stopped', async () => {
    await insertCheckRows(db.orm, target.id, everyMinute(START, START + 6 * HOUR));
    let steps = 0;
    const dying = rollUp(START + 7 * HOUR, () => {
      steps += 1;
      if (steps === 3) throw new Error('the worker is gone');
    });
    await expect(dying).rejects.toThrow('the worker is gone');
    expect(await hourly()).toHaveLength(3);
    expect(await rollUp(START + 7 * HOUR - 1)).toMatchObject({ hours: 3 });
    expect((await hourly()).map(({ checks }) => checks)).toEqual(new Array(6).fill(60));
  });

  it('leaves nothing half done when it dies within an hour', async () => {
    await insertCheckRows(db.orm, target.id, everyMinute(START, START + HOUR));
    await execute(`
      create function die() returns trigger language plpgsql as 'begin raise exception ''power failure''; end';
      create trigger die before update on rollup_progress for each row execute function die();
    `);
    await expect(rollUp(START + 2 * HOUR)).rejects.toThrow('power failure');
    expect(await hourly()).toEqual([]);
    await execute('drop trigger die on rollup_progress; drop function die()');
    expect(await rollUp(START + 2 * HOUR - 1)).toMatchObject({ hours: 1 });
    expect(await hourly()).toHaveLength(1);
  });

  it('may run twice at once: each hour is rolled up by one of them', async () => {
    await insertCheckRows(db.orm, target.id, everyMinute(START, START + DAY));
    for (const minute of [1, 2, 3]) await record(START + minute * MINUTE + 1);
    const reports = await Promise.all([1, 2, 3].map(() => rollUp(START + DAY + HOUR)));
    expect(reports.reduce((sum, { hours }) => sum + hours, 0)).toBe(24);
    expect((await hourly()).map(({ checks }) => checks)).toEqual([63, ...new Array<number>(23).fill(60)]);
    expect(await daily()).toMatchObject([{ checks: 1_443 }]);
  });

  it('does many targets at once and leaves those without checks out', async () => {
    const others = await Promise.all([1, 2, 3].map(() => db.create()));
    for (const { id } of [target, ...others.slice(1)]) await insertCheckRows(db.orm, id, [{ at: START }]);
    expect(await rollUp(START + HOUR + 5 * MINUTE)).toMatchObject({ hours: 1, rows: 3 });
    expect(await hourly(others[0])).toEqual([]);
  });

  it('makes the partitions of months and years that have none', async () => {
    const longAgo = Date.UTC(2019, 11, 31, 23);
    await setRolledUpUntil(db.orm, longAgo);
    await insertCheckRows(db.orm, target.id, [{ at: longAgo }, { at: longAgo + HOUR }]);
    await rollUp(longAgo + 2 * HOUR + 5 * MINUTE);
    expect((await hourly()).map(({ at }) => at)).toEqual([longAgo, longAgo + HOUR]);
    expect((await daily()).map(({ at }) => at)).toEqual([longAgo - 23 * HOUR]);
  });
});

describe('a check that is stored after its hour was rolled up', () => {
  it('is in the rollup of the hour and of the day after the next run', async () => {
    await insertCheckRows(db.orm, target.id, everyMinute(START, START + DAY));
    await rollUp(START + DAY + HOUR);
    for (const at of [START + 1, START + 2, START + 5 * HOUR + 1]) await record(at, { latencyMs: 700 });
    expect(await rollUp(START + DAY + HOUR)).toMatchObject({ hours: 0, lateHours: 2 });
    const hours = await hourly();
    expect([hours[0], hours[1], hours[5]]).toMatchObject([
      { checks: 62, buckets: [bucketOf(34), bucketOf(700)], counts: [60, 2] },
      { checks: 60 },
      { checks: 61 },
    ]);
    expect(await daily()).toMatchObject([{ checks: 1_443, counts: [1_440, 3] }]);
    expect(await rollUp(START + DAY + HOUR)).toMatchObject({ lateHours: 0 });
  });

  it('is counted in an hour of which nothing was known, as after an outage of the database', async () => {
    await rollUp(START + DAY + HOUR);
    await record(START + 3 * HOUR);
    await rollUp(START + DAY + HOUR);
    expect(await hourly()).toMatchObject([{ at: START + 3 * HOUR, checks: 1 }]);
    expect(await daily()).toMatchObject([{ at: START, checks: 1 }]);
  });

  it('is no reason to do anything twice when its hour has yet to come', async () => {
    await record(START + 3 * HOUR);
    expect(await rollUp(START + 2 * HOUR)).toMatchObject({ hours: 1, lateHours: 0 });
    expect(await rollUp(START + 5 * HOUR)).toMatchObject({ hours: 3, lateHours: 0 });
    expect(await execute('select * from late_check_hours')).toEqual([]);
    expect(await hourly()).toMatchObject([{ checks: 1 }]);
  });

  it('is noted when it is stored, not when it was there already', async () => {
    await record(START);
    await rollUp(START + 2 * HOUR);
    await record(START);
    expect(await execute('select * from late_check_hours')).toEqual([]);
  });

  it('costs nothing while its hour goes on', async () => {
    await record(Date.now());
    expect(await execute('select * from late_check_hours')).toEqual([]);
  });

  it('takes nothing away when the other checks of that day are gone', async () => {
    await insertCheckRows(db.orm, target.id, everyMinute(START, START + DAY));
    await rollUp(START + DAY + HOUR);
    await execute(
      `delete from checks where target_key = (select key from http_targets where id = '${target.id}')`,
    );
    await record(START + 1);
    await rollUp(START + DAY + HOUR);
    expect((await hourly())[0]).toMatchObject({ checks: 60 });
    expect(await daily()).toMatchObject([{ checks: 1_440 }]);
  });

  it('cannot slip in between: an hour waits for whoever began to write in it', async () => {
    // To the rollup it is later than to this writer, whose process is held up.
    const hour = Math.floor(Date.now() / HOUR) * HOUR;
    const later = hour + HOUR + 10 * MINUTE;
    await setRolledUpUntil(db.orm, hour);
    const slow = new pg.Client({ connectionString: db.url });
    await slow.connect();
    try {
      await slow.query('begin');
      await slow.query(
        `insert into checks select to_timestamp($1 / 1000.0), key, 0, 34, 200, 1, 1, 1, 1, 'k', 's'
         from http_targets where id = $2`,
        [hour + 1, target.id],
      );
      expect(await rollUp(later)).toMatchObject({ hours: 0, completeUntil: hour });
      await slow.query('commit');
    } finally {
      await slow.end();
    }
    expect(await rollUp(later)).toMatchObject({ hours: 1 });
    expect(await hourly()).toMatchObject([{ at: hour, checks: 1 }]);
  });
});
