import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../support/postgresSetup.ts';
import { createTestDatabase, type TestDatabase } from '../support/testDatabase.ts';

let database: TestDatabase;
const started: ChildProcess[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => {
  for (const server of started.splice(0)) server.kill('SIGKILL');
});
afterAll(() => database.drop());

/** Starts `src/api/server.ts` in a process of its own, with nothing of this one's environment. */
function startServer(environment: Readonly<Record<string, string>>) {
  const server = spawn(process.execPath, ['src/api/server.ts'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ENV_FILE: '/dev/null',
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      ENCRYPTION_KEY: Buffer.alloc(32).toString('base64'),
      SEED_API_KEY: 'key-of-the-server-test',
      SEED_USER_EMAIL: 'dev@example.com',
      SEED_USER_PASSWORD: 'long-enough',
      ...environment,
    },
  });
  started.push(server);
  const exit = once(server, 'exit') as Promise<[code: number | null]>;
  return { server, output: text(server.stderr), exit: exit.then(([code]) => code) };
}

async function answers(url: string): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const isThere = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isThere) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

describe('the API process', () => {
  it('should serve without Temporal, and let requests in flight finish when it is told to stop', async () => {
    const port = await freePort();
    const { server, exit } = startServer({ PORT: String(port) });
    const url = `http://127.0.0.1:${port}/api/v1`;
    expect(await answers(`${url}/health`)).toBe(true);
    const headers = { 'X-API-Key': 'key-of-the-server-test' };
    expect((await fetch(`${url}/http-targets`, { headers })).status).toBe(200);

    const inFlight = fetch(`${url}/health/ready`); // waits for a Temporal that is away
    await new Promise((resolve) => setTimeout(resolve, 200));
    const stopped = performance.now();
    server.kill('SIGTERM');
    expect((await inFlight).status).toBe(503);
    expect(await exit).toBe(0);
    expect(performance.now() - stopped).toBeLessThan(8_000);
  });

  it('should say in one sentence why it cannot start, and exit with 1', async () => {
    const taken = createServer().listen(0);
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const wrongPassword = new URL(database.url);
    wrongPassword.password = 'wrong';
    const noDatabase = new URL(database.url);
    noDatabase.pathname = '/nowhere';
    const failures: [Record<string, string>, RegExp][] = [
      [{ ENCRYPTION_KEY: '' }, /^ENCRYPTION_KEY is not set: [^\n]+\n$/],
      [{ SEED_API_KEY: '' }, /^SEED_API_KEY[^\n]+ not set: [^\n]+\n$/],
      [{ TRUST_PROXY: 'nginx' }, /^TRUST_PROXY is not usable: [^\n]+\n$/],
      [{ DATABASE_URL: wrongPassword.href }, /refuses the user or password[^\n]+\n$/],
      [{ DATABASE_URL: noDatabase.href }, /^There is no such database[^\n]+\n$/],
      [{ PORT: String(port) }, /^Port \d+ is taken, [^\n]+\n$/],
    ];
    await Promise.all(
      failures.map(async ([environment, sentence]) => {
        const { output, exit } = startServer(environment);
        expect(await output).toMatch(sentence);
        expect(await exit).toBe(1);
      }),
    );
    taken.close();
  });
});
