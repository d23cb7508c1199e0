import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startApi, type ApiUnderTest, type ApiUnderTestOptions } from '../support/apiUnderTest.ts';
import { freePort } from '../support/freePorts.ts';

let api: ApiUnderTest;
const start = async (options?: ApiUnderTestOptions): Promise<ApiUnderTest> => (api = await startApi(options));
afterEach(() => api.close());

describe('#health', () => {
  it('should answer exactly this, without a key, whatever is asked with it', async () => {
    await start();
    expect((await api.anonymous.get('/health')).text).toBe('{"status":"ok"}');
    expect((await api.anonymous.get('/health?from=load-balancer')).status).toBe(200);
  });
});

describe('#health.ready', () => {
  it('should say that everything is up', async () => {
    await start();
    const answer = await api.anonymous.get('/health/ready');
    const up = { state: 'up', latency_ms: expect.any(Number) };
    expect([answer.status, answer.body]).toEqual([
      200,
      { status: 'ok', postgres: up, temporal: up, worker: up },
    ]);
  });

  it('should say what is down, and why', async () => {
    await start();
    api.readiness.worker = new Error('No worker answers.');
    const answer = await api.anonymous.get('/health/ready');
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({
      status: 'unavailable',
      postgres: { state: 'up' },
      temporal: { state: 'up' },
      worker: { state: 'down', detail: 'No worker answers.' },
    });
  });

  it('should not wait longer than 2 s for what hangs', async () => {
    await start();
    api.readiness.temporal = new Promise(() => undefined);
    const started = performance.now();
    const answer = await api.anonymous.get('/health/ready');
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(answer.body).toMatchObject({ temporal: { state: 'down', detail: 'No answer within 2 s.' } });
  });

  it('should ask no more than twice a second, however often it is asked', async () => {
    let now = 0;
    await start({ clock: { now: () => now } });
    await Promise.all(Array.from({ length: 50 }, () => api.anonymous.get('/health/ready')));
    await api.anonymous.get('/health/ready');
    expect(api.readiness.asked).toBe(1);
    now = 500;
    await api.anonymous.get('/health/ready');
    expect(api.readiness.asked).toBe(2);
  });
});

describe('a database that is away', () => {
  const asked = () => api.anonymous.get('/http-targets', { headers: { 'X-API-Key': 'some-key-of-mine' } });

  it('should be told from everything else: 503 with Retry-After, and health stays ok', async () => {
    await start({ databaseUrl: `postgresql://nobody:x@127.0.0.1:${await freePort()}/none` });
    const answer = await asked();
    expect(answer.status).toBe(503);
    expect(answer.body).toEqual({ detail: expect.stringContaining('database cannot be reached') });
    expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect((await api.anonymous.get('/health')).status).toBe(200);
    const ready = await api.anonymous.get('/health/ready');
    expect(ready.body).toMatchObject({ postgres: { state: 'down' }, temporal: { state: 'up' } });
    expect(ready.text).not.toContain('127.0.0.1');
  });

  it('should be 503 as well when it takes connections and says nothing', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    await start({ databaseUrl: `postgresql://nobody:x@127.0.0.1:${port}/none`, databaseTimeoutMs: 300 });
    expect((await asked()).status).toBe(503);
    silent.close();
  });

  it('should be 503 as well when a statement takes too long', async () => {
    await start({ databaseTimeoutMs: 300 });
    const client = await api.newClient();
    const em = api.orm.em.fork();
    await em.begin();
    await em.execute('lock table http_targets');
    const answer = await client.get('/http-targets');
    await em.rollback();
    expect([answer.status, answer.body]).toEqual([503, { detail: expect.stringContaining('took too long') }]);
    expect((await client.get('/http-targets')).status).toBe(200);
  });
});

describe('a fault of our own', () => {
  it('should show the request id and nothing else, and log the rest', async () => {
    await start();
    const client = await api.newClient();
    api.workflows.start = () => Promise.reject(new Error('wires crossed'));
    const answer = await client
      .post(
        '/http-targets',
        { name: 'x', url: 'http://a.example' },
        {
          headers: { 'X-Request-Id': 'quote-me' },
        },
      )
      .catch((error: unknown) => error);
    expect(answer).toBeInstanceOf(Error); // a 500 is declared by no route
    const raw = await fetch(`${api.baseUrl}/api/v1/http-targets`, {
      method: 'POST',
      headers: {
        'X-API-Key': client.key ?? '',
        'X-Request-Id': 'quote-me',
        'Content-Type': 'application/json',
      },
      body: JSON.stringify({ name: 'x', url: 'http://b.example' }),
    });
    expect(raw.status).toBe(500);
    expect(await raw.json()).toEqual({ detail: expect.stringContaining('quote-me') });
    expect(api.logText()).toContain('wires crossed');
  });
});
