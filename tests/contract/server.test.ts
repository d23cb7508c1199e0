import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../support/freePorts.ts';
import { createTestDatabase, type TestDatabase } from '../support/testDatabase.ts';
import { until } from '../support/until.ts';

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

async function untilHealthy(url: string): Promise<void> {
  await until(async () => (await fetch(`${url}/health`)).ok, { withinMs: 10_000, what: 'a healthy API' });
}

/** A POST whose body is held back until the server has said that it waits for it. */
async function beginPost(url: string, headers: Record<string, string>) {
  const body = JSON.stringify({ name: 'held back', url: 'ftp://example.com/' });
  const posted = request(url, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      expect: '100-continue',
    },
  });
  posted.flushHeaders();
  const answered = once(posted, 'response') as Promise<[IncomingMessage]>;
  await once(posted, 'continue');
  return {
    finish: async (): Promise<number | undefined> => {
      posted.end(body);
      const [answer] = await answered;
      answer.resume();
      return answer.statusCode;
    },
  };
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('the API process', () => {
  it('should serve without Temporal, and let requests in flight finish when it is told to stop', async () => {
    const port = await freePort();
    const { server, exit } = startServer({ PORT: String(port) });
    const url = `http://127.0.0.1:${port}/api/v1`;
    await untilHealthy(url);
    const headers = { 'X-API-Key': 'key-of-the-server-test' };
    expect((await fetch(`${url}/http-targets`, { headers })).status).toBe(200);

    const inFlight = await beginPost(`${url}/http-targets`, headers);
    const stopped = performance.now();
    server.kill('SIGTERM');
    await until(async () => !(await accepts(port)), { what: 'a server that takes no new connections' });
    expect(await inFlight.finish()).toBe(422);
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
