import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { createOrm } from './orm.ts';
import { ensureDevAccess, type DevAccess } from './seeders/devAccess.ts';

/** Any number that no other user of the database locks. */
const MIGRATION_LOCK = 7_411_902_645;
const LOCK_POLL_MS = 100;

export interface MigrateOptions {
  /** A role that owns the tables. */
  readonly migrationUrl: string;
  /** The role that the API and the workers use; gets its grants when it is another one. */
  readonly url: string;
  /** The dev client's key and login, ensured at each start; null leaves them alone. */
  readonly devAccess: DevAccess | null;
  readonly onProgress?: (message: string) => void;
}

/**
 * Brings the schema up to date and ensures the dev access. Several processes may call it at once: one works
 * under an advisory lock, the others wait for it and find nothing left to do. The lock is polled, since a
 * session that blocks on it would deadlock with CREATE INDEX CONCURRENTLY.
 *
 * @returns the names of the migrations that this call applied
 * @throws what `pg` throws when the database cannot be reached
 */
export async function migrate(options: MigrateOptions): Promise<readonly string[]> {
  const lock = new pg.Client({
    connectionString: options.migrationUrl,
    application_name: 'monitoring-migrate-lock',
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
    keepAlive: true,
  });
  lock.on('error', () => undefined); // a lost lock connection shows in the next query
  await lock.connect();
  try {
    await waitForLock(lock, options.onProgress);
    return await migrateUnderLock(options);
  } finally {
    await lock.end();
  }
}

async function migrateUnderLock(options: MigrateOptions): Promise<readonly string[]> {
  const orm = createOrm({
    url: options.migrationUrl,
    applicationName: 'monitoring-migrate',
    poolSize: 1,
    statementTimeoutMs: 10 * 60_000,
  });
  try {
    const applied = await orm.migrator.up();
    for (const { name } of applied) options.onProgress?.(`applied migration ${name}`);
    await grantToApplicationRole(orm.em.fork(), options);
    if (options.devAccess !== null) await ensureDevAccess(orm.em.fork(), options.devAccess);
    return applied.map(({ name }) => name);
  } finally {
    await orm.close();
  }
}

async function waitForLock(lock: pg.Client, onProgress?: (message: string) => void): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const { rows } = await lock.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
      MIGRATION_LOCK,
    ]);
    if (rows[0]?.locked === true) return;
    if (attempt % 50 === 20) onProgress?.('another process is migrating, waiting for it');
    await delay(LOCK_POLL_MS);
  }
}

async function grantToApplicationRole(
  em: { execute(query: string): Promise<unknown> },
  { migrationUrl, url }: MigrateOptions,
): Promise<void> {
  const role = decodeURIComponent(new URL(url).username);
  if (role === '' || role === decodeURIComponent(new URL(migrationUrl).username)) return;
  const name = pg.escapeIdentifier(role);
  await em.execute(`grant usage on schema public to ${name}`);
  await em.execute(`grant select, insert, update, delete on all tables in schema public to ${name}`);
  await em.execute(`grant execute on all functions in schema public to ${name}`);
}
