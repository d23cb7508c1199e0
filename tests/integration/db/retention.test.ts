import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import pg from 'pg';
import { dropExpired } from '../../../src/activities/dropExpired.ts';
import type { Dropped } from '../../../src/activities/contracts.ts';
import { migrate } from '../../../src/db/migrate.ts';
import { createOrm } from '../../../src/db/orm.ts';
import { reindexPartitions } from '../../../src/db/reindexPartitions.ts';
import { CHECK_ROLLUPS } from '../../../src/db/repositories/checkRollups.ts';
import { OldAlerts } from '../../../src/db/repositories/oldAlerts.ts';
import { OldIngests } from '../../../src/db/repositories/oldIngests.ts';
import { OldMetrics } from '../../../src/db/repositories/oldMetrics.ts';
import { PartitionRepository } from '../../../src/db/repositories/partitions.ts';
import { Rollups } from '../../../src/db/repositories/rollups.ts';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';
import { insertCheckRows, setRolledUpUntil } from '../../support/checkRows.ts';
import { setSamplesRolledUpUntil } from '../../support/evaluatedMetrics.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** In the middle of a day far from the partitions that a new database has. */
const NOW = Date.UTC(2024, 5, 15, 12);
const TODAY = Date.UTC(2024, 5, 15);

let db: TargetDatabase;
let target: Target;
let role: string;
let roleUrl: string;

beforeAll(async () => {
  db = await openTargetDatabase();
  role = `app_${crypto.randomUUID().replaceAll('-', '')}`;
  await execute(`create role ${role} login password 'app'`);
  const url = new URL(db.url);
  [url.username, url.password] = [role, 'app'];
  roleUrl = url.href;
  await migrate({ migrationUrl: db.url, url: roleUrl, devAccess: null });
});
afterAll(async () => {
  await execute(`drop owned by ${role}`);
  await execute(`drop role ${role}`);
  await db.close();
});
beforeEach(async () => {
  target = await db.create();
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits join pg_class p on p.oid = inhparent where p.relkind = 'p'
  `.execute(db.orm.em.fork().getKysely<object>());
  for (const { name } of rows) await execute(`drop table if exists ${name}`);
  await execute('truncate late_check_hours');
  await setRolledUpUntil(db.orm, TODAY);
});

async function execute(statement: string): Promise<void> {
  await sql.raw(statement).execute(db.orm.em.fork().getKysely<object>());
}

async function partitions(parent: string): Promise<string[]> {
  const { rows } = await sql<{ suffix: string }>`
    select substring(inhrelid::regclass::text from '_([0-9]+)$') as suffix
    from pg_inherits where inhparent = ${parent}::regclass order by 1
  `.execute(db.orm.em.fork().getKysely<object>());
  return rows.map(({ suffix }) => suffix);
}

/** By a role that owns no table. */
async function asRole<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
  const orm = createOrm({ url: roleUrl, applicationName: 'test', poolSize: 2 });
  try {
    return await work(orm.em.fork());
  } finally {
    await orm.close();
  }
}

/** Retention as the Schedule starts it. */
function retain(checks: number): Promise<Dropped> {
  return asRole((em) =>
    dropExpired({
      partitions: new PartitionRepository(em),
      oldIngests: new OldIngests(em),
      oldMetrics: new OldMetrics(em),
      oldAlerts: new OldAlerts(em),
      clock: { now: () => NOW },
      retentionDays: { checks, samples: 3 },
      progress: () => undefined,
    }),
  );
}

const daysAgo = (days: number) => ({ at: TODAY - days * DAY + HOUR });

describe('retention', () => {
  it('drops the days before those that are kept, with what is told of their failures, and no other', async () => {
    await insertCheckRows(db.orm, target.id, [5, 4, 3, 2, 0].map(daysAgo));
    expect(await retain(3)).toMatchObject({ dropped: 4, unrolled: 0, busy: 0, forgottenIngests: 0 });
    expect(await partitions('checks')).toEqual(['20240612', '20240613', '20240615']);
    expect(await partitions('check_failures')).toEqual(['20240612', '20240613', '20240615']);
    expect(await retain(3)).toMatchObject({ dropped: 0, unrolled: 0, busy: 0, forgottenIngests: 0 });
  });

  it('keeps a day of which an hour is not rolled up yet', async () => {
    await insertCheckRows(db.orm, target.id, [9, 8].map(daysAgo));
    await setRolledUpUntil(db.orm, TODAY - 7 * DAY - HOUR);
    expect(await retain(3)).toMatchObject({ dropped: 2, unrolled: 2, busy: 0, forgottenIngests: 0 });
    expect(await partitions('checks')).toEqual(['20240607']);
  });

  it('keeps a day that got a late check, until it is rolled up', async () => {
    await insertCheckRows(db.orm, target.id, [daysAgo(9)]);
    await execute(`insert into late_check_hours select key, '2024-06-06T23:00:00Z' from http_targets`);
    expect(await retain(3)).toMatchObject({ dropped: 0, unrolled: 2, busy: 0, forgottenIngests: 0 });
    await asRole((em) => new Rollups(em, CHECK_ROLLUPS).rollUpLateHours());
    expect(await retain(3)).toMatchObject({ dropped: 2, unrolled: 0, busy: 0, forgottenIngests: 0 });
  });

  it('gives up soon where somebody reads the table, so that checks hardly wait, and does it the next time', async () => {
    await insertCheckRows(db.orm, target.id, [daysAgo(9), daysAgo(0)]);
    const reader = new pg.Client({ connectionString: db.url });
    await reader.connect();
    try {
      await reader.query('begin; select count(*) from checks; select count(*) from check_failures');
      const retaining = retain(3);
      const startedAt = performance.now();
      await insertCheckRows(db.orm, target.id, [{ at: NOW }]);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      expect(await retaining).toMatchObject({ dropped: 0, unrolled: 0, busy: 2, forgottenIngests: 0 });
    } finally {
      await reader.end();
    }
    expect(await retain(3)).toMatchObject({ dropped: 2 });
  });

  it('keeps hourly rollups for 100 days and daily ones for three years, whole months and years', async () => {
    const days = ['2020-12-31', '2021-01-01', '2021-06-15', '2024-02-01', '2024-03-07', '2024-06-15'];
    for (const day of days) await execute(`select ensure_rollup_partitions('${day}')`);
    expect(await partitions('hourly_rollups')).toEqual([
      '202012',
      '202101',
      '202106',
      '202402',
      '202403',
      '202406',
    ]);
    await retain(30);
    expect(await partitions('hourly_rollups')).toEqual(['202403', '202406']);
    expect(await partitions('daily_rollups')).toEqual(['2021', '2024']);
  });

  it('does the same with samples and their rollups', async () => {
    for (const day of ['2024-06-09', '2024-06-10', '2024-06-12']) {
      await execute(`select ensure_sample_partition('${day}')`);
    }
    for (const day of ['2020-06-01', '2024-03-07']) {
      await execute(`select ensure_sample_rollup_partitions('${day}')`);
    }
    await setSamplesRolledUpUntil(db.orm, TODAY - 5 * DAY);
    await execute(`insert into late_sample_hours values (1, '2024-06-09T05:00:00Z')`);
    expect(await retain(30)).toMatchObject({ dropped: 2, unrolled: 2 });
    await execute('truncate late_sample_hours');
    expect(await retain(30)).toMatchObject({ dropped: 1, unrolled: 1 });
    await setSamplesRolledUpUntil(db.orm, TODAY - 4 * DAY);
    expect(await retain(30)).toMatchObject({ dropped: 1, unrolled: 0 });
    expect(await partitions('metric_samples')).toEqual(['20240612']);
    expect(await partitions('sample_hourly_rollups')).toEqual(['202403']);
    expect(await partitions('sample_daily_rollups')).toEqual(['2024']);
  });

  it('forgets the ids of what was sent more than a week ago', async () => {
    await execute(`
      insert into ingests (id, content, received_at, machine_key, metrics)
      select gen_random_uuid(), gen_random_uuid(), to_timestamp(${NOW / 1_000}) - age, 1, 1
      from unnest(array[interval '0', '6 days 23:59:59', '7 days 00:00:01', '9 days']) age, generate_series(1, 6000)
    `);
    expect(await retain(30)).toMatchObject({ forgottenIngests: 12_000 });
    expect(await retain(30)).toMatchObject({ forgottenIngests: 0 });
  });

  it('drops nothing that is not a partition of checks, samples or rollups', async () => {
    await expect(execute(`select drop_partition('clients', '2024-01-01')`)).rejects.toThrow(
      /no partitions of clients/,
    );
  });

  it('lets late checks of a day that is gone make it again', async () => {
    await insertCheckRows(db.orm, target.id, [daysAgo(9)]);
    await retain(3);
    await insertCheckRows(db.orm, target.id, [daysAgo(9)]);
    expect(await partitions('checks')).toEqual(['20240606']);
  });
});

describe('#reindexPartitions', () => {
  const DAY_NAME = '2024-06-14';

  /** As checks come: minute by minute, for many targets. */
  async function fillYesterday(): Promise<void> {
    await execute(`select ensure_check_partitions('${DAY_NAME}')`);
    for (let hour = 0; hour < 24; hour += 1) {
      for (let minute = 0; minute < 60; minute += 1) {
        await execute(`
          insert into checks select '${DAY_NAME}T00:00:00Z'::timestamptz + interval '${hour * 60 + minute} minutes',
            key, 0, 34, 200, 1, 1, 1, 1, 'k', 's' from generate_series(1, 100) key
        `);
      }
    }
  }

  async function indexBytes(): Promise<number> {
    const { rows } = await sql<{ bytes: number }>`
      select pg_indexes_size('checks_20240614')::float8 as bytes
    `.execute(db.orm.em.fork().getKysely<object>());
    return rows[0]?.bytes ?? Number.NaN;
  }

  it("makes the index of yesterday's checks smaller, and leaves every row in it", async () => {
    await fillYesterday();
    const before = await indexBytes();
    expect(await reindexPartitions({ url: db.url, day: DAY_NAME })).toEqual({
      reindexed: ['check_failures_20240614', 'checks_20240614'],
      refusal: null,
    });
    const shrunkBy = 1 - (await indexBytes()) / before;
    expect(shrunkBy).toBeGreaterThan(0.1);
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from checks where target_key between 1 and 100
        and scheduled_at >= ${'2024-06-14'}::timestamptz and scheduled_at < ${'2024-06-15'}::timestamptz
    `.execute(db.orm.em.fork().getKysely<object>());
    expect(rows).toEqual([{ count: 144_000 }]);
  });

  it('drops what an earlier try left behind', async () => {
    await execute(`select ensure_check_partitions('${DAY_NAME}')`);
    // An interrupted one leaves just this: an index of that name which is not valid.
    await execute('create index checks_20240614_pkey_ccnew on checks_20240614 (target_key)');
    await execute(
      `update pg_index set indisvalid = false where indexrelid = 'checks_20240614_pkey_ccnew'::regclass`,
    );
    await reindexPartitions({ url: db.url, day: DAY_NAME });
    const { rows } = await sql<{ name: string }>`
      select indexrelid::regclass::text as name from pg_index where indrelid = 'checks_20240614'::regclass
    `.execute(db.orm.em.fork().getKysely<object>());
    expect(rows).toEqual([{ name: 'checks_20240614_pkey' }]);
  });

  it('has nothing to do on a day without partitions', async () => {
    expect(await reindexPartitions({ url: db.url, day: '2024-06-13' })).toEqual({
      reindexed: [],
      refusal: null,
    });
  });

  it('says so when the role does not own the tables', async () => {
    await execute(`select ensure_check_partitions('${DAY_NAME}')`);
    const { refusal } = await reindexPartitions({ url: roleUrl, day: DAY_NAME });
    expect(refusal).toMatch(/permission denied|must be owner/);
  });

  it('is done by one process at a time', async () => {
    const other = new pg.Client({ connectionString: db.url });
    await other.connect();
    try {
      await other.query('select pg_advisory_lock(7411902646)');
      await expect(reindexPartitions({ url: db.url, day: DAY_NAME })).rejects.toThrow('Another process');
    } finally {
      await other.end();
    }
  });
});
