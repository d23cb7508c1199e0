import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import type { TrackProcess } from '../src/start/childProcess.ts';
import { takeLock } from '../src/start/processLock.ts';
import { StartError, messageOf, systemErrorCode } from '../src/start/startError.ts';
import { pause } from '../src/start/waitFor.ts';
import { buildCli } from './buildCli.ts';
import { DOWNLOAD_BASE_URL, downloadCli } from './downloadCli.ts';

/** The newest version that `go install` can build. */
export const TEMPORAL_CLI_VERSION = '1.5.1';

const WORK_PREFIX = 'incomplete-';

export interface FindServerOptions {
  /** Where TEMPORAL_CLI_PATH, PATH, XDG_CACHE_HOME and HOME are read, and what Go is given (default: ours). */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Another place to download from than Temporal's own. */
  readonly downloadBaseUrl?: string;
  /** Told in words of what takes its time, and of each way that did not work. */
  readonly onProgress?: (message: string) => void;
  readonly track?: TrackProcess | undefined;
  /** Gives up, ends what was started, and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds the Temporal CLI, whose `server start-dev` is our server: TEMPORAL_CLI_PATH, `temporal` on the PATH, the
 * cached program, the official download, a build with the machine's Go. The last two fill the cache; several
 * starts at once wait for the one that does.
 *
 * @returns the program's path.
 * @throws StartError that says what to do when there is no way.
 */
export async function findTemporalServer(options: FindServerOptions = {}): Promise<string> {
  const environment = options.environment ?? process.env;
  const named = environment['TEMPORAL_CLI_PATH'];
  if (named !== undefined && named !== '') {
    if (await runs(named)) return named;
    throw new StartError(
      `TEMPORAL_CLI_PATH is ${named}, which is not a Temporal CLI that runs: set it to one, or unset it to have one installed.`,
    );
  }
  for (const directory of (environment['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const candidate = join(directory, 'temporal');
    if (await runs(candidate)) return candidate;
  }
  const cacheDir = cacheDirectory(environment);
  const cached = join(cacheDir, 'temporal');
  return (await runs(cached)) ? cached : fillCache(cacheDir, cached, { ...options, environment });
}

type Found = FindServerOptions & { readonly environment: Readonly<Record<string, string | undefined>> };

async function fillCache(cacheDir: string, cached: string, options: Found): Promise<string> {
  const { onProgress = () => undefined, signal } = options;
  const lock = await holdCache(cacheDir, onProgress, signal);
  try {
    if (await runs(cached)) return cached; // Another start has filled it while we waited.
    for (const entry of readdirSync(cacheDir)) {
      if (entry.startsWith(WORK_PREFIX)) rmSync(join(cacheDir, entry), { recursive: true, force: true });
    }
    const shared = { version: TEMPORAL_CLI_VERSION, onProgress, signal, track: options.track };
    const { environment, downloadBaseUrl: baseUrl = DOWNLOAD_BASE_URL } = options;
    const ways = [
      ['downloaded', (directory: string) => downloadCli({ ...shared, baseUrl, directory })],
      ['built', (directory: string) => buildCli({ ...shared, environment, directory })],
    ] as const;
    for (const [how, get] of ways) {
      try {
        return await getInto(cacheDir, cached, get);
      } catch (error) {
        signal?.throwIfAborted();
        onProgress(`Temporal cannot be ${how}: ${messageOf(error)}`);
      }
    }
  } finally {
    lock.release();
  }
  throw new StartError(
    'No Temporal server could be found, downloaded or built: install Go 1.25 or newer (https://go.dev/dl) or the Temporal CLI (https://docs.temporal.io/cli) and start again, or set TEMPORAL_ADDRESS to a server that runs.',
  );
}

/** What was made is tried first, and takes its place in one step. */
async function getInto(
  cacheDir: string,
  cached: string,
  get: (directory: string) => Promise<string>,
): Promise<string> {
  const directory = mkdtempSync(join(cacheDir, WORK_PREFIX));
  try {
    const program = await get(directory);
    if (!(await runs(program))) throw new Error('what came does not run on this machine');
    renameSync(program, cached);
    return cached;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function holdCache(
  cacheDir: string,
  onProgress: (message: string) => void,
  signal?: AbortSignal,
): Promise<{ release: () => void }> {
  let seconds = 0;
  for (;;) {
    const lock = lockCache(cacheDir);
    if (lock.held) return lock;
    if (seconds % 10 === 0) {
      onProgress(
        `waiting for another start (process ${lock.holder.pid}) that is installing Temporal, ${seconds} s`,
      );
    }
    await pause(1_000, signal);
    seconds += 1;
  }
}

function lockCache(cacheDir: string): ReturnType<typeof takeLock> {
  try {
    mkdirSync(cacheDir, { recursive: true });
    return takeLock(join(cacheDir, 'installing.lock'));
  } catch (error) {
    throw new StartError(
      `Temporal cannot be installed because ${cacheDir} cannot be written (${systemErrorCode(error) ?? messageOf(error)}): set XDG_CACHE_HOME to a directory that can.`,
    );
  }
}

function cacheDirectory(environment: Found['environment']): string {
  const named = environment['XDG_CACHE_HOME'] ?? '';
  const base = isAbsolute(named) ? named : join(environment['HOME'] ?? homedir(), '.cache');
  return join(base, 'monitoring-server', `temporal-cli-${TEMPORAL_CLI_VERSION}`);
}

/** Whether it is a Temporal CLI at all: present, for this machine, complete. */
async function runs(program: string): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: 10_000 });
    return stdout.startsWith('temporal version');
  } catch {
    return false;
  }
}
