import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import pg from 'pg';
import { PartitionRepository } from '../../../src/db/repositories/partitions.ts';
import { untilLockIsAwaited } from '../../support/advisoryLocks.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';

const TODAY = Date.UTC(2024, 5, 30);
const DAY = 86_400_000;

let db: TargetDatabase;
let reader: pg.Client;
let writer: pg.Client;

beforeAll(async () => {
  db = await openTargetDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits join pg_class p on p.oid = inhparent where p.relkind = 'p'
  `.execute(db.orm.em.fork().getKysely<object>());
  for (const { name } of rows) await execute(`drop table ${name}`);
});

async function execute<T extends object>(statement: string): Promise<T[]> {
  const { rows } = await sql.raw<T>(statement).execute(db.orm.em.fork().getKysely<object>());
  return rows;
}

async function partitions(parent: string): Promise<string[]> {
  const rows = await execute<{ name: string }>(`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = '${parent}'::regclass order by 1
  `);
  return rows.map(({ name }) => name);
}

/** Lets `work` go on beside open transactions, and gives up rather than wait for one of them. */
async function beside(statements: readonly [read: string, write: string], work: () => Promise<void>) {
  reader = new pg.Client({ connectionString: db.url });
  writer = new pg.Client({ connectionString: db.url });
  await Promise.all([reader.connect(), writer.connect()]);
  try {
    await reader.query(`begin; ${statements[0]}`);
    await writer.query(`begin; ${statements[1]}`);
    await work();
    await writer.query('commit');
  } finally {
    await Promise.all([reader.end(), writer.end()]);
  }
}

/** Fails where it has to wait for a lock. */
const atOnce = (statement: string) => execute(`set lock_timeout = '1s'; ${statement}; reset lock_timeout`);

const sample = (at: string) =>
  `insert into metric_samples (at, num_value, metric_key) values ('${at}T12:00:00Z', 1, 1)`;
const hour = (at: string) =>
  `insert into sample_hourly_rollups (hour, metric_key, samples) values ('${at}T12:00:00Z', 1, 1)`;

describe('the partition of another day', () => {
  it('is made at once while others read and write samples, and inserts go on', async () => {
    await execute(`select ensure_sample_partition('2024-06-30')`);
    await beside(['select count(*) from metric_samples', sample('2024-06-30')], async () => {
      await atOnce(`select ensure_sample_partition('2024-05-01')`);
      await atOnce(sample('2024-06-30'));
      await atOnce(sample('2024-05-01'));
      await writer.query(sample('2024-05-01'));
    });
    expect(await execute('select count(*)::int as count from metric_samples')).toEqual([{ count: 4 }]);
  });

  it('lets samples in while its own transaction is still open', async () => {
    await execute(`select ensure_sample_partition('2024-06-30')`);
    await beside(
      ['select count(*) from metric_samples', `select ensure_sample_partition('2024-05-01')`],
      async () => {
        await atOnce(sample('2024-06-30'));
        await reader.query('select count(*) from metric_samples');
      },
    );
    expect(await partitions('metric_samples')).toEqual([
      'metric_samples_20240501',
      'metric_samples_20240630',
    ]);
  });

  it('is as any other: with its index, its day, and without the constraint that it was attached by', async () => {
    await execute(`select ensure_sample_partition('2024-06-30')`);
    expect(
      await execute(`
        select pg_get_expr(c.relpartbound, c.oid) as days, pg_get_indexdef(i.indexrelid) as index,
          p.inhparent::regclass::text as parent,
          (select count(*)::int from pg_constraint where conrelid = c.oid and contype = 'c') as checks
        from pg_class c join pg_index i on i.indrelid = c.oid join pg_inherits p on p.inhrelid = i.indexrelid
        where c.oid = 'metric_samples_20240630'::regclass
      `),
    ).toEqual([
      {
        days: "FOR VALUES FROM ('2024-06-30 00:00:00+00') TO ('2024-07-01 00:00:00+00')",
        index: expect.stringContaining('(metric_key, at)'),
        parent: 'metric_samples_metric_at',
        checks: 0,
      },
    ]);
  });

  it('is made once by one of two, where the second comes while the first has not committed', async () => {
    await beside(['select 1', `select ensure_sample_partition('2024-06-30')`], async () => {
      const second = execute(`select ensure_sample_partition('2024-06-30')`);
      await untilLockIsAwaited(db);
      await writer.query('commit');
      await second;
    });
    expect(await partitions('metric_samples')).toEqual(['metric_samples_20240630']);
  });

  it('is made once, however many want it at the same time', async () => {
    await Promise.all(
      Array.from({ length: 8 }, () => execute(`select ensure_sample_partition('2024-06-30')`)),
    );
    expect(await partitions('metric_samples')).toEqual(['metric_samples_20240630']);
  });
});

describe('the partitions of rollups', () => {
  it('of samples are made at once while others read and write rollups', async () => {
    await execute(`select ensure_sample_rollup_partitions('2024-06-30')`);
    await beside(['select count(*) from sample_hourly_rollups', hour('2024-06-30')], async () => {
      await atOnce(`select ensure_sample_rollup_partitions('2023-12-31')`);
      await atOnce(hour('2023-12-31'));
    });
    expect(await execute('select count(*)::int as count from sample_hourly_rollups')).toEqual([{ count: 2 }]);
    await expect(execute(hour('2023-12-31'))).rejects.toThrow(/duplicate key/);
  });

  it('of the days ahead are there before any rollup wants them', async () => {
    await new PartitionRepository(db.orm.em.fork()).ensureRollups([TODAY, TODAY + DAY]);
    for (const prefix of ['', 'sample_']) {
      expect(await partitions(`${prefix}hourly_rollups`)).toEqual([
        `${prefix}hourly_rollups_202406`,
        `${prefix}hourly_rollups_202407`,
      ]);
      expect(await partitions(`${prefix}daily_rollups`)).toEqual([`${prefix}daily_rollups_2024`]);
    }
  });
});
