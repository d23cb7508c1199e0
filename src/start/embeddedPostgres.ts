import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { startChild, stopChild, type Child, type Exit, type TrackProcess } from './childProcess.ts';
import { logSize, prepareLog, tailOf } from './logFile.ts';
import { isListening, portSentence } from './ports.ts';
import { postgresBinaries, type PostgresBinaries } from './postgresBinaries.ts';
import {
  POSTGRES_SUPERUSER,
  createCluster,
  damagedCluster,
  inspectCluster,
  postgresEnvironment,
} from './postgresCluster.ts';
import { endOrphanedPostgres } from './postgresOrphan.ts';
import { sendSignal } from './processIdentity.ts';
import { giveTo, postgresUser, type RunAs } from './postgresUser.ts';
import { StartError, systemErrorCode } from './startError.ts';
import { pause, settlesWithin, waitFor } from './waitFor.ts';

const DATABASE = 'monitoring';
/** Crash recovery after a power failure replays the log, which may take a while. */
const READY_WITHIN_MS = 120_000;

/** For many small writes on a small machine. Commits stay durable: fsync and synchronous_commit are left on. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '', // The path of a socket may have 107 bytes; DATA_DIR may have more.
  max_connections: '100',
  shared_buffers: '64MB', // What is hot is the end of today's partition; the system's cache has the rest.
  io_method: 'sync', // The three readers that Postgres 18 would run beside us serve large scans only.
  max_logical_replication_workers: '0',
  wal_compression: 'on',
  max_wal_size: '512MB',
  checkpoint_timeout: '10min',
  random_page_cost: '1.1',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  log_min_messages: 'warning',
};

interface EmbeddedPostgresOptions {
  /** The cluster is `postgres` in here; made when it is missing. */
  readonly dataDir: string;
  readonly port: number;
  /** Of the role `monitoring`, who owns the cluster. */
  readonly password: string;
  readonly logFile: string;
  /** Told in words what takes its time. */
  readonly onProgress?: ((message: string) => void) | undefined;
  readonly track?: TrackProcess | undefined;
  /** Gives up, ends what was started, and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Server settings on top of our own, for tests that trade safety for speed. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** With the password. */
  readonly url: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /**
   * `fast` disconnects everybody and shuts down cleanly; `immediate` leaves recovery to the next start. What
   * is not gone within `withinMs` (default 5,000) is ended the hard way.
   */
  readonly stop: (
    mode: 'fast' | 'immediate',
    options?: { withinMs?: number; hurry?: AbortSignal },
  ) => Promise<void>;
}

/**
 * Starts Postgres on the cluster in `dataDir`, which it makes first if there is none, and answers when the
 * database `monitoring` takes connections. A server that an earlier, killed supervisor left running on the
 * same cluster is ended first.
 *
 * @throws StartError with one sentence when the cluster is damaged, the port taken, the password another one,
 *   or Postgres not installed.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const clusterDir = resolve(options.dataDir, 'postgres');
  mkdirSync(resolve(options.dataDir), { recursive: true });
  prepareLog(options.logFile);
  const binaries = await postgresBinaries();
  const found = inspectCluster(clusterDir, options.logFile);
  const runAs = postgresUser(clusterDir, binaries);
  if (found === 'missing') {
    options.onProgress?.('creating the database cluster');
    await createCluster({ ...options, clusterDir, initdb: binaries.initdb, runAs });
  } else {
    // Root may have copied the cluster here, which made it root's.
    if (runAs.owner !== null && statSync(clusterDir).uid !== runAs.owner.uid) giveTo(clusterDir, runAs.owner);
    if (await endOrphanedPostgres(clusterDir)) {
      options.onProgress?.('ended a Postgres that an earlier start had left behind');
    }
  }
  return startServer(options, clusterDir, binaries, runAs);
}

async function startServer(
  options: EmbeddedPostgresOptions,
  clusterDir: string,
  binaries: PostgresBinaries,
  runAs: RunAs,
): Promise<EmbeddedPostgres> {
  const { port, password, logFile, signal } = options;
  // Whoever answers there would be taken for ours.
  if (await isListening(port)) throw portTaken(port);
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(port) });
  const { command, args, user } = runAs.wrap(binaries.postgres, [
    '-D',
    clusterDir,
    ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    const logStart = logSize(logFile);
    const child = await startChild({ command, args, user, logFile, cwd: '/', env: postgresEnvironment() });
    options.track?.('postgres', child.pid);
    const url = (database: string): string =>
      `postgresql://${POSTGRES_SUPERUSER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
    try {
      const ready = await waitUntilReady(child, url('postgres'), options);
      if (ready) return { url: url(DATABASE), pid: child.pid, exited: child.exited, stop: stopperOf(child) };
    } catch (error) {
      await stopChild(child, { signal: 'SIGINT', withinMs: 2_000 });
      throw error;
    }
    const reason = fatalMessage(tailOf(logFile, 200, logStart));
    // Server processes of a killed postmaster hold its shared memory until they notice, a moment later.
    const passing = /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(reason);
    if (!passing || attempt === 10) throw startFailure(reason, clusterDir, options);
    await pause(500, signal);
  }
}

/** True when the database takes connections, false when the server ended instead. */
async function waitUntilReady(child: Child, url: string, options: EmbeddedPostgresOptions): Promise<boolean> {
  const ready = await waitFor(async () => child.hasEnded() || (await ensureDatabase(url, options)), {
    withinMs: READY_WITHIN_MS,
    everyMs: 30,
    signal: options.signal,
  });
  if (child.hasEnded()) return false;
  if (ready === true) return true;
  throw new StartError(
    `Postgres did not accept connections within ${READY_WITHIN_MS / 1000} s: see its log, ${options.logFile}.`,
  );
}

/** Connects and makes our database where it is missing; false while the server is still starting. */
async function ensureDatabase(url: string, options: EmbeddedPostgresOptions): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined); // A server that ends meanwhile; `exited` tells.
  try {
    await client.connect();
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
    return true;
  } catch (error) {
    if (systemErrorCode(error) !== '28P01') return false;
    throw new StartError(
      `The database cluster in ${join(options.dataDir, 'postgres')} has another password than POSTGRES_PASSWORD: bring back the secrets.env that belongs to it, or move the cluster away to start with an empty database.`,
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

function stopperOf(child: Child): EmbeddedPostgres['stop'] {
  return async (mode, { withinMs = 5_000, hurry } = {}) => {
    const politelyMs = mode === 'fast' ? Math.max(0, withinMs - 500) : 0;
    if (politelyMs > 0 && !child.hasEnded()) {
      sendSignal(child.pid, 'SIGINT');
      await settlesWithin(child.exited, politelyMs, hurry);
    }
    await stopChild(child, { signal: 'SIGQUIT', withinMs: 500 });
  };
}

function fatalMessage(lines: readonly string[]): string {
  const line =
    lines.find((text) => /\b(FATAL|PANIC):/.test(text)) ?? lines.at(-1) ?? 'it ended without a word';
  return line.replace(/^.*?\b(FATAL|PANIC):\s*/, '').trim();
}

function startFailure(reason: string, clusterDir: string, options: EmbeddedPostgresOptions): StartError {
  if (/Address already in use|could not create any TCP\/IP sockets/.test(reason)) {
    return portTaken(options.port);
  }
  if (reason.includes('No space left on device')) {
    return new StartError(
      `The disk of ${options.dataDir} is full, so Postgres cannot start: make room on it.`,
    );
  }
  return damagedCluster(clusterDir, options.logFile, reason);
}

function portTaken(port: number): StartError {
  return new StartError(portSentence({ port, variable: 'POSTGRES_PORT', use: 'Postgres' }, 'EADDRINUSE'));
}
