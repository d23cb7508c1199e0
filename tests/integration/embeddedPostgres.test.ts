import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/start/embeddedPostgres.ts';
import { StartError } from '../../src/start/startError.ts';
import { freePorts } from '../support/freePorts.ts';
import { until } from '../support/until.ts';

describe('embedded Postgres', () => {
  let dataDir: string;
  let port: number;
  let servers: EmbeddedPostgres[];

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'embedded-postgres-')); // 0700: nobody but its owner may pass.
    [port = 0] = await freePorts(1);
    servers = [];
  });

  afterEach(async () => {
    await Promise.all(servers.map((server) => server.stop('immediate')));
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function start(
    options: { password?: string; signal?: AbortSignal; onProgress?: (message: string) => void } = {},
  ): Promise<EmbeddedPostgres> {
    const logFile = join(dataDir, 'logs', 'postgres.log');
    const server = await startEmbeddedPostgres({
      dataDir,
      port,
      password: "it's a secret:@/",
      logFile,
      ...options,
    });
    servers.push(server);
    return server;
  }

  async function query(server: EmbeddedPostgres, text: string): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** The sentence with which a start fails. */
  async function refusal(options: Parameters<typeof start>[0] = {}): Promise<string> {
    const outcome = await start(options).then(
      () => 'it started',
      (error: unknown) => error,
    );
    expect(outcome).toBeInstanceOf(StartError);
    return outcome instanceof StartError ? outcome.message : '';
  }

  it('should make a cluster that is durable, checked, in UTF-8 and on loopback only', async () => {
    const server = await start();
    const [row] = await query(
      server,
      `select current_user, current_database(), pg_encoding_to_char(encoding) as encoding, datlocprovider::text as provider,
         current_setting('data_checksums') as checksums, current_setting('fsync') as fsync,
         current_setting('synchronous_commit') as commit, current_setting('listen_addresses') as listen,
         current_setting('unix_socket_directories') as sockets, current_setting('password_encryption') as passwords
       from pg_database where datname = current_database()`,
    );
    expect(row).toEqual({
      ...{ current_user: 'monitoring', current_database: 'monitoring', encoding: 'UTF8', provider: 'b' },
      ...{
        checksums: 'on',
        fsync: 'on',
        commit: 'on',
        listen: '127.0.0.1',
        sockets: '',
        passwords: 'scram-sha-256',
      },
    });
  });

  it('should keep its data from one start to the next, and run as the owner of the cluster', async () => {
    const first = await start();
    await query(first, 'create table kept as select 42 as answer');
    await first.stop('fast');
    expect(await first.exited).toEqual({ code: 0, signal: null });

    const second = await start();
    expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
    const owner = statSync(join(dataDir, 'postgres')).uid;
    if (existsSync('/proc/self')) expect(statSync(`/proc/${second.pid}`).uid).toBe(owner);
    if (process.getuid?.() === 0) expect(owner).not.toBe(0);
  });

  it('should end a server that was left running on the cluster', async () => {
    const orphan = await start();
    const notes: string[] = [];
    const next = await start({ onProgress: (message) => notes.push(message) });
    await orphan.exited;
    expect(next.pid).not.toBe(orphan.pid);
    expect(notes).toEqual(['ended a Postgres that an earlier start had left behind']);
  });

  it('should start again after a crash, though its process number is now somebody else’s', async () => {
    const crashed = await start();
    process.kill(crashed.pid, 'SIGKILL');
    await crashed.exited;
    writeFileSync(
      join(dataDir, 'postgres', 'postmaster.pid'),
      `${process.pid}\n${join(dataDir, 'postgres')}\n`,
    );
    const next = await start();
    expect(await query(next, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('should heal a first start that was interrupted', async () => {
    const interruption = new AbortController();
    const interrupted = start({ signal: interruption.signal });
    await until(() => readdirSync(dataDir).some((name) => /incomplete-\w+$/.test(name)), { everyMs: 5 });
    interruption.abort(new Error('enough'));
    await expect(interrupted).rejects.toThrow('enough');
    expect(existsSync(join(dataDir, 'postgres'))).toBe(false);

    // As a power failure leaves it: nobody has tidied up.
    mkdirSync(join(dataDir, 'postgres.incomplete-abc', 'base'), { recursive: true });
    await start();
    expect(readdirSync(dataDir).sort()).toEqual(['logs', 'postgres']);
  });

  it.each([
    ['PG_VERSION is missing', (cluster: string) => rmSync(join(cluster, 'PG_VERSION'))],
    ['PG_VERSION is not readable', (cluster: string) => writeFileSync(join(cluster, 'PG_VERSION'), '\0\0')],
    ['global/pg_control is missing', (cluster: string) => rmSync(join(cluster, 'global', 'pg_control'))],
    [
      'could not read file "global/pg_control"',
      (cluster: string) => writeFileSync(join(cluster, 'global', 'pg_control'), 'x'),
    ],
  ])('should say in one sentence what is damaged: %s', async (reason, damage) => {
    await (await start()).stop('fast');
    const cluster = join(dataDir, 'postgres');
    damage(cluster);
    const sentence = await refusal();
    expect(sentence).toContain(`The database cluster in ${cluster} cannot be opened (${reason}`);
    expect(sentence).toContain(`log: ${join(dataDir, 'logs', 'postgres.log')}): put a backup in its place`);
  });

  it('should say when the cluster is of another version or has another password', async () => {
    await (await start()).stop('fast');
    expect(await refusal({ password: 'another' })).toContain('has another password than POSTGRES_PASSWORD');
    writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '17\n');
    expect(await refusal()).toContain('was made by Postgres 17, and this is Postgres 18');
  });

  it('should say which port is taken', async () => {
    const { url } = await start();
    expect(url).toContain(`127.0.0.1:${port}/`);
    const elsewhere = mkdtempSync(join(tmpdir(), 'embedded-postgres-'));
    try {
      const second = startEmbeddedPostgres({
        dataDir: elsewhere,
        port,
        password: 'x',
        logFile: join(elsewhere, 'log'),
      });
      await expect(second).rejects.toThrow(`Port ${port} for Postgres is taken by another program`);
    } finally {
      rmSync(elsewhere, { recursive: true, force: true });
    }
  });

  it('should say when DATA_DIR belongs to somebody else', async () => {
    if (process.getuid?.() === 0) {
      expect(await start()).toBeDefined();
      return;
    } // Root passes everywhere.
    mkdirSync(join(dataDir, 'postgres'));
    chmodSync(join(dataDir, 'postgres'), 0o000);
    expect(await refusal()).toContain('belongs to another user');
    chmodSync(join(dataDir, 'postgres'), 0o700);
  });
});
