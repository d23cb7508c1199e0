import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../src/db/migrate.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/start/embeddedPostgres.ts';
import { freePort } from './freePorts.ts';
import { TEST_POSTGRES_URL } from './testDatabase.ts';

interface Running {
  readonly server: EmbeddedPostgres;
  readonly directory: string;
}

/** Jest may load this file once for the setup of each project and once more for its teardown. */
const shared = globalThis as typeof globalThis & { testPostgres?: Promise<Running> | undefined };

/**
 * Jest's globalSetup of every project that needs Postgres: one server a run, in a temporary directory and on a
 * free port, whose database `monitoring` is migrated and serves as the template of each test file's own. A
 * second project of the same run finds it running.
 */
export default async function startTestPostgres(): Promise<void> {
  if (shared.testPostgres === undefined) {
    shared.testPostgres = start();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => void stopTestPostgres().finally(() => process.exit(130)));
    }
  }
  const { server } = await shared.testPostgres;
  process.env[TEST_POSTGRES_URL] = server.url;
}

/** Jest's globalTeardown; does nothing the second time. */
export async function stopTestPostgres(): Promise<void> {
  const { testPostgres } = shared;
  shared.testPostgres = undefined;
  if (testPostgres === undefined) return;
  const { server, directory } = await testPostgres;
  await server.stop('immediate');
  await rm(directory, { recursive: true, force: true });
}

async function start(): Promise<Running> {
  const directory = await mkdtemp(join(tmpdir(), 'monitoring-test-postgres-'));
  const server = await startEmbeddedPostgres({
    dataDir: directory,
    port: await freePort(),
    password: randomBytes(12).toString('hex'),
    logFile: join(directory, 'postgres.log'),
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' },
  });
  // Whatever ends jest must not leave a server behind.
  process.once('exit', () => endAtOnce(server.pid));
  await migrate({ migrationUrl: server.url, url: server.url, devAccess: null });
  return { server, directory };
}

function endAtOnce(pid: number): void {
  try {
    if (shared.testPostgres !== undefined) process.kill(pid, 'SIGQUIT');
  } catch {
    // It has ended already.
  }
}
