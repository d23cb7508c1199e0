import { join } from 'node:path';
import { startDevServer } from '../../temporal/devServer.ts';
import { findTemporalServer } from '../../temporal/findServer.ts';
import type { Config, GivenSettings } from '../config.ts';
import { startChild, stopChild, type ChildOptions, type TrackProcess } from './childProcess.ts';
import type { DataPaths } from './dataDirectory.ts';
import { startEmbeddedPostgres } from './embeddedPostgres.ts';
import { prepareLog } from './logFile.ts';
import { nodeEnvironment, nodeFlags } from './nodeTuning.ts';
import { Service, type Runnable } from './service.ts';
import { workerEnvironment } from './workerEnvironment.ts';

/** The programs that make up the product: paths of scripts that run in a Node process of their own. */
export interface Entries {
  readonly api: string;
  readonly worker: string;
}

export interface Services {
  /** Null where DATABASE_URL says which one to use. */
  readonly postgres: Service | null;
  /** Null where TEMPORAL_ADDRESS says which one to use. */
  readonly temporal: Service | null;
  readonly api: Service;
  /** At least one; each is kept running on its own. */
  readonly workers: readonly Service[];
}

interface ServicesOptions {
  readonly config: Config;
  readonly given: GivenSettings['values'];
  readonly paths: DataPaths;
  readonly entries: Entries;
  readonly track: TrackProcess;
  readonly say: (line: string) => void;
  readonly stopping: AbortSignal;
}

/** 10,000 targets on one worker need some 300, its cached workflows (in a heap of their own) some 100. */
const WORKER_HEAP_MB = 1_024;
const API_HEAP_MB = 512;

/** The pools of temporal/workerServices.ts together, two that listen, and one for the nightly reindex. */
const CONNECTIONS_PER_WORKER = 26;

/** Describes how each process of the stack is started; starts none. */
export function createServices(options: ServicesOptions): Services {
  const { config, entries } = options;
  return {
    postgres: config.database.embedded ? postgresService(options) : null,
    temporal: config.temporal.embedded ? temporalService(options) : null,
    api: nodeService('API', 'api', { args: [...nodeFlags(API_HEAP_MB), entries.api] }, options),
    workers: workerServices(options),
  };
}

/** worker, worker-2, worker-3 …; each is kept running in its place. */
function workerServices(options: ServicesOptions): Service[] {
  const { config, entries } = options;
  return Array.from({ length: config.workerProcesses }, (_, index) => {
    const id = index === 0 ? 'worker' : `worker-${index + 1}`;
    const env = { ...process.env, ...workerEnvironment(config, index) };
    return nodeService(id, id, { args: [...nodeFlags(WORKER_HEAP_MB), entries.worker], env }, options);
  });
}

function postgresService({ config, paths, track, say, stopping }: ServicesOptions): Service {
  const logFile = join(paths.logs, 'postgres.log');
  return new Service({
    name: 'Postgres',
    logFile,
    say,
    stopping,
    run: async (signal, onProgress) => {
      const server = await startEmbeddedPostgres({
        dataDir: paths.dataDir,
        port: config.database.port,
        password: decodeURIComponent(new URL(config.database.url).password),
        logFile,
        settings: { max_connections: String(connectionsFor(config.workerProcesses)) },
        onProgress,
        track,
        signal,
      });
      return { ...server, stop: (within) => server.stop('fast', within) };
    },
  });
}

/** Each worker brings pools of its own; API, migrations and people take what a single worker leaves of 100. */
function connectionsFor(workerProcesses: number): number {
  return Math.max(100, 60 + CONNECTIONS_PER_WORKER * workerProcesses);
}

function temporalService({ config, given, paths, track, say, stopping }: ServicesOptions): Service {
  const logFile = join(paths.logs, 'temporal.log');
  const { port, uiPort, namespace } = config.temporal;
  let binary: string | null = null;
  return new Service({
    name: 'Temporal',
    logFile,
    say,
    stopping,
    run: async (signal, onProgress) => {
      binary ??= await findTemporalServer({ environment: given, onProgress, track, signal });
      const databaseFile = join(paths.dataDir, 'temporal', 'temporal.db');
      return startDevServer({ binary, databaseFile, port, uiPort, namespace, logFile, track, signal });
    },
  });
}

function nodeService(
  name: string,
  id: string,
  { args, env }: Pick<ChildOptions, 'args' | 'env'>,
  options: ServicesOptions,
): Service {
  const { paths, track, say, stopping } = options;
  const logFile = join(paths.logs, `${id}.log`);
  return new Service({
    name,
    logFile,
    say,
    stopping,
    run: async (): Promise<Runnable> => {
      prepareLog(logFile);
      const child = await startChild({
        ...{ command: process.execPath, args, logFile, ipc: true },
        env: nodeEnvironment(paths, env ?? process.env),
      });
      track(id, child.pid);
      return { ...child, stop: (within) => stopChild(child, { signal: 'SIGTERM', ...within }) };
    },
  });
}
