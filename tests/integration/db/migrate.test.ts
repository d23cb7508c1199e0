import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { verify } from '@node-rs/argon2';
import pg from 'pg';
import { migrate, type MigrateOptions } from '../../../src/db/migrate.ts';
import { createOrm } from '../../../src/db/orm.ts';
import { findCallerByApiKey } from '../../../src/db/repositories/clients.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/testDatabase.ts';

const DEV_ACCESS = {
  apiKey: 'dev_0123456789abcdef',
  userEmail: 'dev@example.com',
  userPassword: 'correct horse',
};

/** As operators have them in their scripts, word for word. */
const SEED_STATEMENTS = [
  `INSERT INTO clients (id, name) VALUES ('00000000-0000-0000-0000-000000000001','Dev') ON CONFLICT DO NOTHING;`,
  `INSERT INTO api_keys (id, client_id, key, name, is_active) VALUES \
('00000000-0000-0000-0000-000000000002','00000000-0000-0000-0000-000000000001','<YOUR_API_KEY>','dev', true) \
ON CONFLICT DO NOTHING;`,
  `INSERT INTO client_settings (id, client_id, notification_email, heartbeat_threshold_minutes, \
consecutive_failures_threshold, alert_grouping_enabled) VALUES \
('00000000-0000-0000-0000-000000000003','00000000-0000-0000-0000-000000000001', \
'alerts@example.com', 5, 2, true) \
ON CONFLICT (client_id) DO NOTHING;`,
];

let database: TestDatabase;
let client: pg.Client;
let options: MigrateOptions;

beforeEach(async () => {
  database = await createEmptyDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  options = { migrationUrl: database.url, url: database.url, devAccess: DEV_ACCESS };
});

afterEach(async () => {
  await client.end();
  await database.drop();
});

async function callerOf(apiKey: string) {
  const orm = createOrm({ url: database.url, applicationName: 'test', poolSize: 1 });
  try {
    return await findCallerByApiKey(orm.em.fork(), apiKey);
  } finally {
    await orm.close();
  }
}

describe('#migrate', () => {
  it('lets several processes start at once: one migrates, the others find nothing left to do', async () => {
    const applied = await Promise.all(Array.from({ length: 4 }, () => migrate(options)));
    expect(applied.flat().sort()).toEqual([
      '0001_schema',
      '0002_dev_seed',
      '0003_watches',
      '0004_rollups',
      '0005_machines',
      '0006_sample_rollups',
      '0007_alerts',
      '0008_new_partitions',
    ]);
    expect(await migrate(options)).toEqual([]);
  });

  it("takes the operators' three INSERT statements unchanged, also twice, and their key works", async () => {
    await migrate({ ...options, devAccess: null });
    for (const statement of [...SEED_STATEMENTS, ...SEED_STATEMENTS]) await client.query(statement);
    expect(await callerOf('<YOUR_API_KEY>')).toMatchObject({ keyId: '00000000-0000-0000-0000-000000000002' });
    const { rows } = await client.query('select count(*)::int as count from client_settings');
    expect(rows).toEqual([{ count: 1 }]);
  });

  it('seeds the dev client and its settings, and never a key', async () => {
    await migrate({ ...options, devAccess: null });
    const { rows } = await client.query(
      'select * from clients, client_settings s where s.client_id = clients.id',
    );
    expect(rows).toMatchObject([
      {
        client_id: '00000000-0000-0000-0000-000000000001',
        name: 'Dev',
        notification_email: 'alerts@example.com',
        heartbeat_threshold_minutes: 5,
        consecutive_failures_threshold: 2,
        alert_grouping_enabled: true,
      },
    ]);
    expect((await client.query('select * from api_keys')).rows).toEqual([]);
  });

  it('stores keys hashed, and does not hash a restored one again', async () => {
    await migrate(options);
    const { rows } = await client.query<{ key: string }>('select key from api_keys');
    expect(rows).toHaveLength(1);
    expect(rows[0]?.key).toMatch(/^sha256:[0-9a-f]{64}$/);
    await client.query('create temporary table backup as select * from api_keys');
    await client.query('delete from api_keys');
    await client.query('insert into api_keys select * from backup');
    expect(await callerOf(DEV_ACCESS.apiKey)).not.toBeNull();
    expect(await callerOf(rows[0]?.key ?? '')).toBeNull();
    await client.query('update api_keys set is_active = false');
    expect(await callerOf(DEV_ACCESS.apiKey)).toBeNull();
  });

  it('ensures the dev key and login at each start, also when they have changed', async () => {
    await migrate(options);
    await migrate(options);
    const changed = {
      apiKey: 'another_0123456789',
      userEmail: 'me@example.com',
      userPassword: 'battery staple',
    };
    await migrate({ ...options, devAccess: changed });
    expect(await callerOf(DEV_ACCESS.apiKey)).toBeNull();
    expect(await callerOf(changed.apiKey)).not.toBeNull();
    const { rows } = await client.query<{ email: string; password_hash: string }>('select * from users');
    expect(rows).toHaveLength(1);
    expect(rows[0]?.email).toBe('me@example.com');
    expect(await verify(rows[0]?.password_hash ?? '', 'battery staple')).toBe(true);
  });

  it('leaves a dev key alone that an operator has inserted under another id', async () => {
    await migrate({ ...options, devAccess: null });
    await client.query(SEED_STATEMENTS[1] ?? '');
    await migrate({ ...options, devAccess: { ...DEV_ACCESS, apiKey: '<YOUR_API_KEY>' } });
    expect((await client.query('select id from api_keys')).rows).toEqual([
      { id: '00000000-0000-0000-0000-000000000002' },
    ]);
  });

  it('gives a role that owns nothing what it needs, partitions of new days included', async () => {
    const role = `app_${crypto.randomUUID().replaceAll('-', '')}`;
    await client.query(`create role ${role} login password 'app'`);
    const url = new URL(database.url);
    [url.username, url.password] = [role, 'app'];
    try {
      await migrate({ ...options, url: url.href });
      const app = new pg.Client({ connectionString: url.href });
      await app.connect();
      await app.query(`select ensure_check_partitions('2035-01-01')`);
      await app.query(`insert into checks values ('2035-01-01', 1, 0, 1, 200, 1, 1, 1, 1, 'k', 's')`);
      await app.end();
    } finally {
      await client.query(`drop owned by ${role}`);
      await client.query(`drop role ${role}`);
    }
  });
});
