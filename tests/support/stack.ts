import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { isRunning, sendSignal, type ProcessIdentity } from '../../src/start/processIdentity.ts';
import { freePorts } from './freePorts.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const Identity = z.object({ pid: z.number(), startedAt: z.string() });

/** Variables that would make a stack of a test anything else than a fresh one. */
const OURS =
  /^(PORT|DATA_DIR|ENV_FILE|DATABASE_.*|POSTGRES_.*|TEMPORAL_(?!CLI_PATH).*|TASK_QUEUE_PREFIX|WORKER_.*|SEED_.*|ENCRYPTION_KEY|JWT_SECRET|LOG_LEVEL|NODE_ENV|NODE_OPTIONS|MAKE.*|MFLAGS|.*_INTERVAL_SECONDS|RETENTION_.*|ALERT_.*|SLACK_.*|STUB_SLACK|SMTP_.*|REFERENCE_ADDRESSES|FAULT_POINT|RATE_LIMIT_.*|TRUST_PROXY|BLOCK_PRIVATE_TARGETS)$/;

export interface StackOptions {
  /** On top of what every stack gets: its own ports and DATA_DIR. */
  readonly env?: Readonly<Record<string, string>>;
  /** An existing DATA_DIR, to start again on it; the caller removes it. */
  readonly dataDir?: string;
  /** Start it as `make start &` in a script does: with SIGINT ignored. */
  readonly inBackground?: boolean;
  /** The ports of an earlier stack, to start again on them. */
  readonly ports?: StackPorts;
}

export interface StackPorts {
  readonly api: number;
  readonly postgres: number;
  readonly temporal: number;
  readonly temporalUi: number;
}

interface StackExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A `make start` of a test. */
export interface Stack {
  readonly dataDir: string;
  readonly ports: StackPorts;
  /** http://127.0.0.1:…/api/v1 */
  readonly apiUrl: string;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The dev client's key, once it is up. */
  readonly apiKey: () => string;
  /** Its embedded Postgres, with the password. */
  readonly databaseUrl: () => string;
  /** What runs of it by name: supervisor, api, worker, temporal, postgres … */
  readonly processes: () => Record<string, ProcessIdentity>;
  readonly isHealthy: () => Promise<boolean>;
  readonly untilHealthy: () => Promise<void>;
  readonly exited: Promise<StackExit>;
  /** Sends a signal (default SIGTERM) to make, as a service manager does, and waits for the end. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<StackExit>;
  /** Ends what there is of it without regard, and removes its data. */
  readonly destroy: () => Promise<void>;
}

/** Runs `make start` and answers when the stack is healthy; a start that fails rejects with what it said. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const stack = await launchStack(options);
  try {
    await stack.untilHealthy();
    return stack;
  } catch (error) {
    const said = `${stack.stdout()}\n${stack.stderr()}`;
    await stack.destroy();
    throw new Error(`The stack did not come up:\n${said}`, { cause: error });
  }
}

/** Runs `make start` and waits for nothing. */
export async function launchStack(options: StackOptions = {}): Promise<Stack> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'monitoring-stack-'));
  const ports = options.ports ?? (await choosePorts());
  const [command, ...args] =
    options.inBackground === true ? ['sh', '-c', 'trap "" INT; exec make start'] : ['make', 'start'];
  const make = spawn(command, args, {
    cwd: ROOT,
    detached: true, // A group of its own, as a terminal gives it.
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...withoutOurs(process.env),
      ...portVariables(ports),
      DATA_DIR: dataDir,
      ENV_FILE: '/dev/null',
      ...options.env,
    },
  });
  const stdout = collect(make, 'stdout');
  const stderr = collect(make, 'stderr');
  const exited = new Promise<StackExit>((resolve) => {
    make.once('close', (code, signal) => resolve({ code, signal }));
  });
  await once(make, 'spawn');
  const apiUrl = `http://127.0.0.1:${ports.api}/api/v1`;
  const processes = (): Record<string, ProcessIdentity> => readProcesses(dataDir);
  const isHealthy = async (): Promise<boolean> =>
    (await isOk(`${apiUrl}/health`)) && isOk(`${apiUrl}/health/ready`);
  let hasEnded = false;
  void exited.then(() => (hasEnded = true));
  return {
    ...{ dataDir, ports, apiUrl, stdout, stderr, processes, isHealthy, exited },
    apiKey: () => readSecret(dataDir, 'SEED_API_KEY'),
    databaseUrl: () => {
      const password = encodeURIComponent(readSecret(dataDir, 'POSTGRES_PASSWORD'));
      return `postgresql://monitoring:${password}@127.0.0.1:${ports.postgres}/monitoring`;
    },
    untilHealthy: async () => {
      const settled = async (): Promise<boolean> => hasEnded || (stdout().includes('Up in') && isHealthy());
      await until(settled, { withinMs: 60_000, everyMs: 50, what: 'a healthy stack' });
      if (hasEnded) throw new Error(`make start ended: ${stderr()}`);
    },
    stop: async (signal = 'SIGTERM') => {
      if (make.pid !== undefined) sendSignal(make.pid, signal);
      return exited;
    },
    destroy: async () => {
      for (const { pid } of Object.values(processes())) sendSignal(pid, 'SIGKILL');
      if (make.pid !== undefined && !hasEnded) sendSignal(-make.pid, 'SIGKILL');
      await exited;
      await until(() => Object.keys(processes()).length === 0, { what: 'the end of all processes' });
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function choosePorts(): Promise<StackPorts> {
  const [api = 0, postgres = 0, temporal = 0, temporalUi = 0] = await freePorts(4);
  return { api, postgres, temporal, temporalUi };
}

function portVariables(ports: StackPorts): Record<string, string> {
  return {
    PORT: String(ports.api),
    POSTGRES_PORT: String(ports.postgres),
    TEMPORAL_PORT: String(ports.temporal),
    TEMPORAL_UI_PORT: String(ports.temporalUi),
  };
}

function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !OURS.test(name)));
}

function collect(child: ChildProcess, stream: 'stdout' | 'stderr'): () => string {
  let text = '';
  child[stream]?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return () => text;
}

function readProcesses(dataDir: string): Record<string, ProcessIdentity> {
  const running: Record<string, ProcessIdentity> = {};
  const directory = join(dataDir, 'run');
  for (const file of listFiles(directory).filter((name) => name.endsWith('.json'))) {
    const identity = readIdentity(join(directory, file));
    if (identity !== null && isRunning(identity)) running[file.replace('.json', '')] = identity;
  }
  return running;
}

function readIdentity(path: string): ProcessIdentity | null {
  try {
    return Identity.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null; // Gone since the directory was read.
  }
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readSecret(dataDir: string, name: string): string {
  return parseEnv(readFileSync(join(dataDir, 'secrets.env'), 'utf8'))[name] ?? '';
}

async function isOk(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(3_000) })).ok;
  } catch {
    return false;
  }
}
