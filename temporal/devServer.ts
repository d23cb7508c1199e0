import { mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import { msToTs, optionalTsToMs } from '@temporalio/common/lib/time.js';
import { z } from 'zod';
import {
  describeExit,
  startChild,
  stopChild,
  type Child,
  type Exit,
  type TrackProcess,
} from '../src/start/childProcess.ts';
import { logSize, prepareLog, tailOf } from '../src/start/logFile.ts';
import { isListening, portSentence } from '../src/start/ports.ts';
import { StartError } from '../src/start/startError.ts';
import { waitFor } from '../src/start/waitFor.ts';
import { SEARCH_ATTRIBUTES } from './names.ts';

const READY_WITHIN_MS = 30_000;
const RETENTION_MS = 3 * 24 * 60 * 60 * 1_000;

/**
 * Write-ahead logging, synced at checkpoints: measured 1,350 instead of 340 signals a second, at half the CPU. A
 * killed server loses nothing; a power failure may cost the last moments, never the file's integrity.
 */
const SQLITE_PRAGMAS = ['journal_mode=WAL', 'synchronous=NORMAL'];

const DynamicConfig = z.record(z.string(), z.union([z.number(), z.string(), z.boolean()]));

interface DevServerOptions {
  /** Path of the Temporal CLI (see findTemporalServer). */
  readonly binary: string;
  /** Keeps the server's state over restarts; nothing else may open it. Without one, state ends with the server. */
  readonly databaseFile?: string;
  readonly port: number;
  /** Without one there is no UI. */
  readonly uiPort?: number;
  /** Made at start where it is missing (default `default`). */
  readonly namespace?: string;
  readonly logFile: string;
  readonly track?: TrackProcess | undefined;
  /** Gives up, ends what was started, and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface DevServer {
  /** host:port of its gRPC service. */
  readonly address: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Ends it (SIGTERM takes about a second); what is not gone within `withinMs` (default 3,000) is killed. */
  readonly stop: (options?: { withinMs?: number; hurry?: AbortSignal }) => Promise<void>;
}

/**
 * Starts Temporal's development server on 127.0.0.1 and answers when its namespace takes calls and knows our
 * search attributes.
 *
 * @throws StartError with one sentence when it ends or is not ready within 30 s.
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { binary, port, logFile, signal } = options;
  prepareLog(logFile);
  // Whoever answers there would be taken for ours.
  if (await isListening(port)) throw portTaken(port, 'TEMPORAL_PORT');
  const directory = options.databaseFile === undefined ? undefined : resolve(dirname(options.databaseFile));
  if (directory !== undefined) mkdirSync(directory, { recursive: true });
  const logStart = logSize(logFile);
  const child = await startChild({
    command: binary,
    args: argumentsFor(options),
    logFile,
    env: serverEnvironment(directory ?? dirname(logFile)),
    // The CLI reads %, ? and # in the file's path as parts of an address: it gets the bare name.
    ...(directory === undefined ? {} : { cwd: directory }),
  });
  options.track?.('temporal', child.pid);
  const address = `127.0.0.1:${port}`;
  const namespace = options.namespace ?? 'default';
  try {
    const ready = await waitFor(async () => child.hasEnded() || (await isReady(port, namespace)), {
      withinMs: READY_WITHIN_MS,
      everyMs: 25,
      signal,
    });
    if (child.hasEnded()) throw startFailure(await child.exited, tailOf(logFile, 200, logStart), options);
    if (ready === true) return { address, pid: child.pid, exited: child.exited, stop: stopperOf(child) };
    throw new StartError(
      `Temporal was not ready within ${READY_WITHIN_MS / 1000} s: see its log, ${logFile}.`,
    );
  } catch (error) {
    await stopChild(child, { signal: 'SIGTERM', withinMs: 2_000 });
    throw error;
  }
}

function argumentsFor({ port, uiPort, namespace, databaseFile }: DevServerOptions): string[] {
  const flags = (name: string, values: readonly string[]): string[] =>
    values.flatMap((value) => [name, value]);
  return [
    'server',
    'start-dev',
    ...['--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn'],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(namespace === undefined ? [] : ['--namespace', namespace]),
    ...(databaseFile === undefined
      ? []
      : ['--db-filename', basename(databaseFile), ...flags('--sqlite-pragma', SQLITE_PRAGMAS)]),
    ...flags(
      '--search-attribute',
      searchAttributeNames().map((name) => `${name}=Keyword`),
    ),
    ...flags('--dynamic-config-value', dynamicConfig()),
  ];
}

function searchAttributeNames(): string[] {
  return Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name);
}

/**
 * Smaller than its defaults, which are those of a cluster: one partition a task queue, 64 workers instead of 512 for
 * each internal queue (all of them share one connection to SQLite), none of the scanners and system workers for what
 * we do not use (child workflows, histories without an owner), namespaces read every 10 s instead of every 2 s.
 */
function dynamicConfig(): string[] {
  const path = join(import.meta.dirname, 'dynamicconfig', 'devServer.json');
  const values = DynamicConfig.parse(JSON.parse(readFileSync(path, 'utf8')));
  return Object.entries(values).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
}

/** Namespace there, search attributes there, and its runs kept for three days. */
async function isReady(port: number, namespace: string): Promise<boolean> {
  // gRPC waits for a second after a refused connection, so the port is watched by itself.
  if (!(await isListening(port))) return false;
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({
      address: `127.0.0.1:${port}`,
      connectTimeout: '2s',
      interceptors: [],
    });
    const { workflowService, operatorService } = connection;
    return await connection.withDeadline(Date.now() + 2_000, async () => {
      const { config } = await workflowService.describeNamespace({ namespace });
      const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
      if (!searchAttributeNames().every((name) => name in customAttributes)) return false;
      if (optionalTsToMs(config?.workflowExecutionRetentionTtl) !== RETENTION_MS) {
        const workflowExecutionRetentionTtl = msToTs(RETENTION_MS);
        await workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
      }
      return true;
    });
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}

function stopperOf(child: Child): DevServer['stop'] {
  return ({ withinMs = 3_000, hurry } = {}) => stopChild(child, { signal: 'SIGTERM', withinMs, hurry });
}

/**
 * Nothing of TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the like, nor of a configuration in the user's home, which
 * the CLI would take for its own. GOGC: its heap grows by half of what is in use until it is collected, not by all.
 */
function serverEnvironment(home: string): Readonly<Record<string, string | undefined>> {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: home, TMPDIR: tmpdir(), GOGC: '50' };
}

function startFailure(exit: Exit, lines: readonly string[], options: DevServerOptions): StartError {
  const line =
    lines.findLast((text) => /level=ERROR|^Error/.test(text)) ?? lines.at(-1) ?? describeExit(exit);
  const reason = /msg="(.*)"/.exec(line)?.[1] ?? line.trim();
  if (reason.includes('address already in use')) {
    return reason.includes('UI port')
      ? portTaken(options.uiPort ?? 0, 'TEMPORAL_UI_PORT')
      : portTaken(options.port, 'TEMPORAL_PORT');
  }
  if (/not a database|malformed/.test(reason)) {
    return new StartError(
      `Temporal's state in ${options.databaseFile ?? 'memory'} is damaged (${reason}): put a backup in its place, or move it away; all targets are in Postgres and their monitors are started anew.`,
    );
  }
  return new StartError(`Temporal ended while starting (${reason}): see its log, ${options.logFile}.`);
}

function portTaken(port: number, variable: string): StartError {
  return new StartError(portSentence({ port, variable, use: 'Temporal' }, 'EADDRINUSE'));
}
