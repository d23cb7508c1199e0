import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describeExit, startChild, stopChild, type TrackProcess } from './childProcess.ts';
import { logSize, tailOf } from './logFile.ts';
import type { RunAs } from './postgresUser.ts';
import { StartError, systemErrorCode } from './startError.ts';

/** Major version of the embedded Postgres; a cluster of another one cannot be opened. */
const POSTGRES_MAJOR = '18';

/** The role that owns everything in the embedded cluster. */
export const POSTGRES_SUPERUSER = 'monitoring';

/**
 * Whether a cluster is there to be started, or is still to be made.
 *
 * @throws StartError when something is there that is no usable cluster.
 */
export function inspectCluster(clusterDir: string, logFile: string): 'missing' | 'present' {
  let entries: string[];
  try {
    entries = readdirSync(clusterDir);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return 'missing';
    if (code === 'EACCES') {
      throw new StartError(
        `The database cluster in ${clusterDir} belongs to another user: start as that user, or choose another DATA_DIR.`,
      );
    }
    throw damagedCluster(clusterDir, logFile, `it cannot be read, ${code ?? String(error)}`);
  }
  if (entries.length === 0) return 'missing';
  const version = readVersion(clusterDir);
  if (version === null) throw damagedCluster(clusterDir, logFile, 'PG_VERSION is missing');
  if (!/^\d+$/.test(version)) throw damagedCluster(clusterDir, logFile, 'PG_VERSION is not readable');
  if (version !== POSTGRES_MAJOR) {
    throw new StartError(
      `The database cluster in ${clusterDir} was made by Postgres ${version}, and this is Postgres ${POSTGRES_MAJOR}: dump it with the old one and restore it here, or move it away to start with an empty database.`,
    );
  }
  if (!existsSync(join(clusterDir, 'global', 'pg_control'))) {
    throw damagedCluster(clusterDir, logFile, 'global/pg_control is missing');
  }
  return 'present';
}

/** The one sentence about a cluster that cannot be opened. */
export function damagedCluster(clusterDir: string, logFile: string, reason: string): StartError {
  return new StartError(
    `The database cluster in ${clusterDir} cannot be opened (${reason}; log: ${logFile}): put a backup in its place, or move it away to start with an empty database.`,
  );
}

interface CreateClusterOptions {
  readonly clusterDir: string;
  /** Path of the program. */
  readonly initdb: string;
  readonly runAs: RunAs;
  readonly password: string;
  readonly logFile: string;
  readonly track?: TrackProcess | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes an empty cluster: in a directory beside its place, renamed when complete, so that a power failure half
 * way leaves nothing that looks like a cluster. What such a failure left behind is removed.
 *
 * @throws StartError when initdb fails.
 */
export async function createCluster(options: CreateClusterOptions): Promise<void> {
  const { clusterDir, runAs, signal } = options;
  const parent = dirname(clusterDir);
  const prefix = `${basename(clusterDir)}.incomplete-`;
  for (const entry of readdirSync(parent)) {
    if (entry.startsWith(prefix)) rmSync(join(parent, entry), { recursive: true, force: true });
  }
  signal?.throwIfAborted();
  const incomplete = mkdtempSync(join(parent, prefix));
  const passwordFile = `${incomplete}.password`;
  try {
    writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600, flag: 'wx' });
    if (runAs.owner !== null) {
      for (const path of [incomplete, passwordFile]) chownSync(path, runAs.owner.uid, runAs.owner.gid);
    }
    await runInitdb(options, incomplete, passwordFile);
    if (existsSync(clusterDir)) rmdirSync(clusterDir); // Empty: inspectCluster has looked.
    renameSync(incomplete, clusterDir);
    syncDirectory(parent);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(incomplete, { recursive: true, force: true });
  }
}

async function runInitdb(
  options: CreateClusterOptions,
  directory: string,
  passwordFile: string,
): Promise<void> {
  const { signal, logFile } = options;
  const logStart = logSize(logFile);
  const { command, args, user } = options.runAs.wrap(options.initdb, [
    `--pgdata=${directory}`,
    `--username=${POSTGRES_SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    `--locale=${process.platform === 'darwin' ? 'C' : 'C.UTF-8'}`,
    '--no-instructions',
  ]);
  const child = await startChild({ command, args, user, logFile, cwd: '/', env: postgresEnvironment() });
  options.track?.('initdb', child.pid);
  const stop = (): void => void stopChild(child, { signal: 'SIGTERM', withinMs: 1_000 });
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  const exit = await child.exited;
  signal?.removeEventListener('abort', stop);
  signal?.throwIfAborted();
  if (exit.code === 0) return;
  const lines = tailOf(logFile, 200, logStart);
  const reason =
    lines.findLast((line) => /error|FATAL|PANIC|loading shared libraries/.test(line)) ?? lines.at(-1);
  if (reason?.includes('could not look up effective user ID') === true) {
    throw new StartError(
      'Postgres needs the user that starts it to have a name on this machine: add the user ID to /etc/passwd, or start as another user.',
    );
  }
  throw new StartError(
    `The database cluster in ${options.clusterDir} could not be created (${reason?.trim() ?? describeExit(exit)}; log: ${logFile}): check that the disk has room and that the directory can be written, then start again.`,
  );
}

/** Messages in English whatever the machine's language is, and nothing of PGHOST, PGDATA and the like. */
export function postgresEnvironment(): Readonly<Record<string, string | undefined>> {
  return { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };
}

function readVersion(clusterDir: string): string | null {
  try {
    return readFileSync(join(clusterDir, 'PG_VERSION'), 'utf8').trim();
  } catch {
    return null;
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
