import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { isRunning, sendSignal, type ProcessIdentity } from '../../src/start/processIdentity.ts';
import { launchStack, startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const CHILDREN = ['api', 'postgres', 'temporal', 'worker'];
const ALL = [...CHILDREN, 'supervisor'].sort();

/** Every process whose command line or environment leads to that directory, zombies left out. */
function processesOf(dataDir: string): string[] {
  return execFileSync('ps', ['axeww', '-o', 'pid=,stat=,command='], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
    .split('\n')
    .filter((line) => line.includes(dataDir) && !/^\s*\d+\s+Z/.test(line));
}

describe('make start', () => {
  let stack: Stack;
  let beside: Stack;

  beforeAll(async () => {
    [stack, beside] = await Promise.all([startStack(), startStack({ inBackground: true })]);
  }, 90_000);

  afterAll(async () => {
    await Promise.all([stack.destroy(), beside.destroy()]);
  });

  it('should bring up two stacks side by side, one in the background of a script, each with all its processes', async () => {
    for (const one of [stack, beside]) {
      expect(Object.keys(one.processes()).sort()).toEqual(ALL);
      const health = await fetch(`${one.apiUrl}/health`);
      expect(await health.text()).toBe('{"status":"ok"}');
    }
  });

  it('should say in words what it does, and print addresses, login and key', () => {
    const said = stack.stdout();
    for (const step of ['✓ checks', '✓ Postgres', '✓ Temporal', '✓ migrations, API and worker', 'Up in']) {
      expect(said).toContain(step);
    }
    const { api, postgres, temporalUi } = stack.ports;
    expect(said).toContain(`http://127.0.0.1:${api}/docs`);
    expect(said).toContain(`http://127.0.0.1:${temporalUi}`);
    expect(said).toContain(`postgresql://monitoring@127.0.0.1:${postgres}/monitoring`);
    expect(said).toContain('dev@example.com');
    expect(said).toContain(stack.apiKey());
    expect(stack.stderr()).toBe('');
  });

  it('should keep its secrets to itself and let its key in', async () => {
    expect(statSync(join(stack.dataDir, 'secrets.env')).mode & 0o777).toBe(0o600);
    const answer = await fetch(`${stack.apiUrl}/settings`, { headers: { 'X-API-Key': stack.apiKey() } });
    expect(answer.status).toBe(200);
  });

  it('should refuse a second start on the same DATA_DIR', async () => {
    const second = await launchStack({ dataDir: stack.dataDir });
    const { code } = await second.exited;
    expect(code).not.toBe(0);
    expect(second.stderr()).toContain(
      `This stack already runs (process ${stack.processes()['supervisor']?.pid ?? 0}`,
    );
    expect(await stack.isHealthy()).toBe(true);
  });

  it('should use the servers it is given and start neither', async () => {
    const env = await externalServers(beside);
    const guest = await startStack({ env });
    try {
      expect(Object.keys(guest.processes()).sort()).toEqual(['api', 'supervisor', 'worker']);
      expect(existsSync(join(guest.dataDir, 'postgres'))).toBe(false);
      expect(existsSync(join(guest.dataDir, 'temporal'))).toBe(false);
      expect(guest.stdout()).toContain(`using Postgres at 127.0.0.1:${beside.ports.postgres}`);
      expect(guest.stdout()).toContain(`using Temporal at 127.0.0.1:${beside.ports.temporal}`);
      await guest.stop();
      expect(await beside.isHealthy()).toBe(true);
    } finally {
      await guest.destroy();
    }
  }, 60_000);

  it.each(CHILDREN)('should start %s again when it is killed', async (name) => {
    const before = identity(beside, name);
    sendSignal(before.pid, 'SIGKILL');
    await until(() => (beside.processes()[name]?.pid ?? before.pid) !== before.pid, {
      what: `another ${name}`,
    });
    await until(beside.isHealthy, { withinMs: 25_000, what: 'health' });
    expect(beside.stdout()).toMatch(/! \S+ ended \(killed by SIGKILL; log: \S+\), restarting in \d+ s/);
  });

  it('should end everything, the database cleanly, when the supervisor takes Ctrl-C', async () => {
    const { supervisor } = beside.processes();
    sendSignal(supervisor?.pid ?? 0, 'SIGINT');
    expect(await beside.exited).toMatchObject({ code: 0 });
    expect(processesOf(beside.dataDir)).toEqual([]);
    const log = readFileSync(join(beside.dataDir, 'logs', 'postgres.log'), 'utf8').trim();
    expect(log.split('\n').at(-1)).toContain('database system is shut down');
  });

  it('should recover from kill -9 of the supervisor, and end within 10 s without a trace on SIGTERM', async () => {
    const { supervisor, api, worker, postgres, temporal } = stack.processes();
    sendSignal(supervisor?.pid ?? 0, 'SIGKILL');
    await stack.exited;
    // API and worker end by themselves with their parent; the servers stay until the next start.
    await until(() => [api, worker].every((one) => one !== undefined && !isRunning(one)), {
      what: 'their end',
    });
    expect(Object.keys(stack.processes()).sort()).toEqual(['postgres', 'temporal']);

    const { dataDir, ports } = stack;
    const key = stack.apiKey();
    stack = await startStack({ dataDir, ports });
    expect(stack.stdout()).toContain('ended what an earlier start had left behind: temporal, postgres');
    expect([postgres, temporal].some((one) => one !== undefined && isRunning(one))).toBe(false);
    expect(stack.apiKey()).toBe(key);
    const answer = await fetch(`${stack.apiUrl}/settings`, { headers: { 'X-API-Key': key } });
    expect(answer.status).toBe(200);

    const began = performance.now();
    await stack.stop('SIGTERM');
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(processesOf(dataDir)).toEqual([]);
    expect(stack.stderr()).toBe('');
  }, 60_000);

  it('should name the cluster and its log when the cluster is damaged', async () => {
    writeFileSync(join(stack.dataDir, 'postgres', 'global', 'pg_control'), 'not what it was');
    const broken = await launchStack({ dataDir: stack.dataDir, ports: stack.ports });
    await broken.exited;
    expect(broken.stderr()).toContain(`The database cluster in ${stack.dataDir}/postgres cannot be opened`);
    expect(broken.stderr()).toContain(`${stack.dataDir}/logs/postgres.log`);
    expect(processesOf(stack.dataDir)).toEqual([]);
  });
});

function identity(stack: Stack, name: string): ProcessIdentity {
  const found = stack.processes()[name];
  if (found === undefined) throw new Error(`There is no ${name}.`);
  return found;
}

/** The servers of one stack, as the settings of another that brings its own secrets and database. */
async function externalServers({ dataDir, ports }: Stack): Promise<Record<string, string>> {
  const [, password = ''] =
    /^POSTGRES_PASSWORD=(.*)$/m.exec(readFileSync(join(dataDir, 'secrets.env'), 'utf8')) ?? [];
  const server = `postgresql://monitoring:${password}@127.0.0.1:${ports.postgres}`;
  const client = new pg.Client({ connectionString: `${server}/monitoring` });
  await client.connect();
  await client.query('create database guest');
  await client.end();
  return {
    DATABASE_URL: `${server}/guest`,
    TEMPORAL_ADDRESS: `127.0.0.1:${ports.temporal}`,
    TASK_QUEUE_PREFIX: 'guest-',
    SEED_API_KEY: 'the-key-of-the-guest',
    SEED_USER_EMAIL: 'guest@example.com',
    SEED_USER_PASSWORD: 'the-password-of-the-guest',
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    JWT_SECRET: 'the-jwt-secret-of-the-guest-is-long-enough',
  };
}
