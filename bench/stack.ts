import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseEnv } from 'node:util';

/** A whole product of its own: real processes, free ports, a temporary DATA_DIR. */
export interface BenchStack {
  readonly api: string;
  readonly key: string;
  readonly databaseUrl: string;
  /** CPU seconds and resident bytes so far, by process name. */
  readonly usage: () => Record<string, { cpuSeconds: number; residentBytes: number }>;
  readonly stop: () => Promise<void>;
}

const READY_WITHIN_MS = 300_000;

export async function startStack(settings: Readonly<Record<string, string>> = {}): Promise<BenchStack> {
  const dataDir = await mkdtemp(join(tmpdir(), 'monitoring-bench-'));
  const [port, postgresPort, temporalPort, uiPort] = await Promise.all([1, 2, 3, 4].map(freePort));
  const main = new URL('../src/start/main.ts', import.meta.url);
  const supervisor = spawn(process.execPath, [main.pathname], {
    env: {
      ...process.env,
      DATA_DIR: dataDir,
      PORT: String(port),
      POSTGRES_PORT: String(postgresPort),
      TEMPORAL_PORT: String(temporalPort),
      TEMPORAL_UI_PORT: String(uiPort),
      RATE_LIMIT_API: '100000',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  supervisor.stdout.pipe(createWriteStream(join(dataDir, 'start.log')));
  const api = `http://127.0.0.1:${port}/api/v1`;
  await waitUntilReady(api, supervisor);
  const secrets = parseEnv(readFileSync(join(dataDir, 'secrets.env'), 'utf8'));
  const password = encodeURIComponent(secrets['POSTGRES_PASSWORD'] ?? '');
  return {
    api,
    key: secrets['SEED_API_KEY'] ?? '',
    databaseUrl: `postgresql://monitoring:${password}@127.0.0.1:${postgresPort}/monitoring`,
    usage: () => readUsage(dataDir),
    stop: async () => {
      supervisor.kill('SIGTERM');
      if (supervisor.exitCode === null) await once(supervisor, 'exit');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Target servers in a process of their own. */
export interface Farm {
  readonly url: string;
  /** When each path was asked for, UTC milliseconds. */
  readonly hits: () => Promise<Record<string, number[]>>;
  readonly stop: () => void;
}

export async function startFarm(): Promise<Farm> {
  const child = fork(new URL('farm.ts', import.meta.url));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}`,
    hits: async () => {
      child.send('hits');
      const [{ hits }] = (await once(child, 'message')) as [{ hits: Record<string, number[]> }];
      return hits;
    },
    stop: () => child.disconnect(),
  };
}

async function waitUntilReady(api: string, supervisor: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    if (supervisor.exitCode !== null) throw new Error(`make start ended with code ${supervisor.exitCode}`);
    const ready = await fetch(`${api}/health/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await delay(200);
  }
  throw new Error('the stack did not become ready');
}

const CLOCK_TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;

/** Linux only: /proc, over each recorded process and all below it. */
function readUsage(dataDir: string): Record<string, { cpuSeconds: number; residentBytes: number }> {
  const children = new Map<number, number[]>();
  const stats = new Map<number, { cpuSeconds: number; residentBytes: number }>();
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? readStat(Number(entry)) : null;
    if (stat === null) continue;
    stats.set(Number(entry), stat);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(entry)]);
  }
  const sum = (pid: number): { cpuSeconds: number; residentBytes: number } => {
    const below = (children.get(pid) ?? []).map(sum);
    const own = stats.get(pid) ?? { cpuSeconds: 0, residentBytes: 0 };
    return below.reduce(
      (total, one) => ({
        cpuSeconds: total.cpuSeconds + one.cpuSeconds,
        residentBytes: total.residentBytes + one.residentBytes,
      }),
      own,
    );
  };
  const run = join(dataDir, 'run');
  return Object.fromEntries(
    ['api', 'worker', 'temporal', 'postgres'].map((name) => {
      const file = readdirSync(run).find((entry) => entry.startsWith(`${name}.`) && entry.endsWith('.json'));
      if (file === undefined) throw new Error(`no process record of ${name}`);
      const { pid } = JSON.parse(readFileSync(join(run, file), 'utf8')) as { pid: number };
      return [name, sum(pid)];
    }),
  );
}

function readStat(pid: number): { parent: number; cpuSeconds: number; residentBytes: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    // Dead children that were waited for count too: utime, stime, cutime, cstime.
    const ticks = [11, 12, 13, 14].reduce((total, index) => total + (fields[index] ?? 0), 0);
    return {
      parent: fields[1] ?? 0,
      cpuSeconds: ticks / CLOCK_TICKS_PER_SECOND,
      residentBytes: (fields[21] ?? 0) * PAGE_BYTES,
    };
  } catch {
    return null; // ended in the meantime
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
