import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildTargetBody } from '../support/buildTarget.ts';

const TEN_MEGABYTES = 10 * 1024 * 1024;

let api: ApiUnderTest;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi();
  client = await api.newClient();
});
afterAll(() => api.close());

describe('authentication', () => {
  it('should name the header when the key is missing', async () => {
    const answer = await api.anonymous.get('/http-targets');
    expect(answer.status).toBe(401);
    expect(answer.body).toEqual({ detail: expect.stringContaining('X-API-Key') });
    expect(answer.headers.get('WWW-Authenticate')).not.toBeNull();
  });

  it('should refuse unknown and inactive keys alike', async () => {
    const former = await api.newClient();
    expect((await former.get('/settings')).status).toBe(200);
    await sql`update api_keys set is_active = false where client_id = ${former.clientId}`.execute(
      api.orm.em.fork().getKysely<object>(),
    );
    const inactive = await former.get('/settings');
    const unknown = await api.anonymous.get('/settings', { headers: { 'X-API-Key': 'no-such-key' } });
    expect([inactive.status, unknown.status]).toEqual([401, 401]);
    expect(inactive.body).toEqual(unknown.body);
  });

  it('should not take the stored hash of a key for the key', async () => {
    const { rows } = await sql<{ key: string }>`select key from api_keys limit 1`.execute(
      api.orm.em.fork().getKysely<object>(),
    );
    const answer = await api.anonymous.get('/settings', { headers: { 'X-API-Key': rows[0]?.key ?? '' } });
    expect(answer.status).toBe(401);
  });

  it('should come before everything else that is wrong with a request', async () => {
    const wrong = { rawBody: '{', headers: { 'Content-Type': 'text/plain' } };
    expect((await api.anonymous.request('PUT', `/http-targets/${randomUUID()}?x=1`, wrong)).status).toBe(401);
    const body = 'x'.repeat(TEN_MEGABYTES);
    expect((await api.anonymous.request('POST', '/http-targets', { rawBody: body })).status).toBe(401);
  });
});

describe('request ids', () => {
  it('should keep a sane one of the caller and replace any other', async () => {
    const idFor = async (given: string) =>
      (await client.get('/health', { headers: { 'X-Request-Id': given } })).headers.get('X-Request-Id');
    expect(await idFor('my-request_1.a')).toBe('my-request_1.a');
    for (const insane of ['x'.repeat(129), 'a b', '<script>', 'é'])
      expect(await idFor(insane)).not.toBe(insane);
  });

  it('should be in error answers and in the log', async () => {
    const answer = await client.get('/nowhere', { headers: { 'X-Request-Id': 'find-me-again' } });
    expect(answer.headers.get('X-Request-Id')).toBe('find-me-again');
    expect(api.logText()).toContain('"request_id":"find-me-again"');
  });
});

describe('unknown routes and methods', () => {
  it.each([
    ['/http_targets', '/api/v1/http-targets'],
    ['/http-target', '/api/v1/http-targets'],
    [`/http-targets/${randomUUID()}/cheks`, '/api/v1/http-targets/{id}/checks'],
    ['/helth', '/api/v1/health'],
    ['//openapi.yaml', '/openapi.json'],
    [`/${'x'.repeat(5_000)}`, '/api/v1/'],
  ])('should answer 404 for %s and name the nearest route', async (path, nearest) => {
    const answer = await client.get(path);
    expect([answer.status, answer.body]).toEqual([404, { detail: expect.stringContaining(nearest) }]);
  });

  it.each(['DELETE', 'PATCH', 'PUT', 'PROPFIND', 'PURGE'])('should answer 405 to %s', async (method) => {
    const answer = await client.request(method, '/http-targets');
    expect(answer.status).toBe(405);
    expect(answer.headers.get('Allow')).toBe('GET, HEAD, OPTIONS, POST');
  });

  it.each(['TRACE', 'FOO', 'CONNECT'])(
    'should answer 405 to %s, which no client library sends',
    async (method) => {
      const socket = connect(Number(new URL(api.baseUrl).port), '127.0.0.1');
      socket.write(`${method} /api/v1/http-targets HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      const answer = await text(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 405 /);
      expect(answer).toMatch(/^Allow: .*GET/m);
      expect(answer).toMatch(/^X-Request-Id: /m);
      expect(answer).toMatch(/\{"detail":".*"\}$/);
    },
  );

  it('should answer HEAD like GET without a body, and OPTIONS with what is allowed', async () => {
    const head = await client.request('HEAD', '/http-targets');
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers.get('Content-Type')).toContain('application/json');
    const options = await api.anonymous.request('OPTIONS', `/http-targets/${randomUUID()}`);
    expect([options.status, options.headers.get('Allow')]).toEqual([204, 'DELETE, GET, HEAD, OPTIONS, PUT']);
  });

  it('should take a path with a slash at its end', async () => {
    expect((await client.get('/http-targets/')).status).toBe(200);
  });

  it('should answer 400 in its own shape to what is no HTTP', async () => {
    const socket = connect(Number(new URL(api.baseUrl).port), '127.0.0.1');
    socket.write('nonsense\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 4\d\d [^]*X-Request-Id: [^]*\{"detail":".*"\}$/);
  });
});

describe('bodies', () => {
  it.each([
    ['form', 'application/x-www-form-urlencoded', 'name=x'],
    ['text', 'text/plain', '{}'],
    ['JSON in Latin-1', 'application/json; charset=iso-8859-1', '{}'],
    ['an empty type', '', '{}'],
  ])('should answer 415 to %s', async (_what, contentType, rawBody) => {
    const answer = await client.post('/http-targets', undefined, {
      rawBody,
      headers: { 'Content-Type': contentType },
    });
    expect(answer.status).toBe(415);
    expect(answer.body).toEqual({ detail: expect.any(String) });
  });

  it('should answer 415 to a compressed body', async () => {
    const answer = await client.post('/http-targets', {}, { headers: { 'Content-Encoding': 'gzip' } });
    expect(answer.status).toBe(415);
  });

  it('should take JSON with a charset and a suffix', async () => {
    for (const type of ['application/json; charset="UTF-8"', 'application/vnd.api+json']) {
      const answer = await client.post('/http-targets', buildTargetBody(), {
        headers: { 'Content-Type': type },
      });
      expect(answer.status).toBe(201);
    }
  });

  it.each([
    ['broken JSON', '{"name": "x",}'],
    ['half a document', '{"name": "x"'],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['two documents', '{} {}'],
    ['NaN', 'NaN'],
  ])('should answer 422 json_invalid to %s', async (_what, rawBody) => {
    const answer = await client.post('/http-targets', undefined, {
      rawBody,
      headers: { 'Content-Type': 'application/json' },
    });
    expect(answer.status).toBe(422);
    expect(answer.body).toEqual({
      detail: [{ loc: ['body'], msg: expect.any(String), type: 'json_invalid' }],
    });
  });

  it('should never quote a broken body', async () => {
    const rawBody = '{"headers": {"Authorization": "Bearer hunter2" "x"}}';
    const { text: answer } = await client.post('/http-targets', undefined, { rawBody });
    expect(answer).not.toContain('hunter2');
  });

  it.each([
    ['nothing', undefined, 'missing'],
    ['a list', [], 'dict_type'],
    ['a text', 'x', 'dict_type'],
    ['null', null, 'dict_type'],
  ])('should answer 422 to %s instead of an object', async (_what, body, type) => {
    const answer = await client.post('/http-targets', body);
    expect(answer.status).toBe(422);
    expect(answer.body).toEqual({ detail: [{ loc: ['body'], msg: expect.any(String), type }] });
  });

  it('should survive nesting that nobody means', async () => {
    for (const rawBody of ['['.repeat(500_000), `${'['.repeat(200_000)}${']'.repeat(200_000)}`]) {
      const answer = await client.post('/http-targets', undefined, {
        rawBody,
        headers: { 'Content-Type': 'application/json' },
      });
      expect(answer.status).toBe(422);
    }
  });

  it('should not let a request reach a prototype', async () => {
    const rawBody = `{"__proto__": {"name": "x", "url": "http://a.example"}, "constructor": 1}`;
    const answer = await client.post('/http-targets', undefined, { rawBody });
    expect(answer.status).toBe(422);
    expect(({} as Record<string, unknown>)['name']).toBeUndefined();
    const headers = `{"name": "x", "url": "http://a.example", "headers": {"__proto__": "x"}}`;
    expect((await client.post('/http-targets', undefined, { rawBody: headers })).status).toBe(422);
  });

  it('should answer 413 to 10 MB, also without a declared length', async () => {
    const declared = await client.post('/http-targets', undefined, {
      rawBody: `"${'x'.repeat(TEN_MEGABYTES)}"`,
      headers: { 'Content-Type': 'application/json' },
    });
    expect([declared.status, declared.body]).toEqual([413, { detail: expect.stringContaining('1048576') }]);

    const chunked = request(`${api.baseUrl}/api/v1/http-targets`, {
      method: 'POST',
      headers: { 'X-API-Key': client.key ?? '', 'Content-Type': 'application/json' },
    });
    const answered = once(chunked, 'response');
    for (let sent = 0; sent < TEN_MEGABYTES; sent += 65_536) chunked.write(Buffer.alloc(65_536, 'x'));
    chunked.end();
    const [response] = (await answered) as [{ statusCode: number }];
    expect(response.statusCode).toBe(413);
  });

  it('should not wait for a body that a route does not take', async () => {
    const answer = await client.post(`/http-targets/${randomUUID()}/check`, undefined, {
      rawBody: 'x=1',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    expect(answer.status).toBe(404);
  });
});

describe('answers', () => {
  it('should carry the security headers, and none that breaks plain HTTP', async () => {
    const { headers } = await client.get('/health');
    expect(headers.get('Content-Security-Policy')).toContain("script-src 'self'");
    expect(headers.get('Content-Security-Policy')).not.toContain('upgrade-insecure-requests');
    expect(headers.get('Strict-Transport-Security')).toBeNull();
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(headers.get('X-Powered-By')).toBeNull();
  });

  it('should be compressed when they are long and the client can read it', async () => {
    const own = await api.newClient();
    for (let n = 0; n < 3; n += 1) await own.createTarget(buildTargetBody());
    const answer = await own.get('/http-targets', { headers: { 'Accept-Encoding': 'gzip' } });
    expect(answer.headers.get('Content-Encoding')).toBe('gzip');
    expect(answer.body).toHaveLength(3);
  });
});

describe('rate limit', () => {
  it('should answer 429 above twice the rate, per key, and never to health checks', async () => {
    const strict = await startApi({ environment: { RATE_LIMIT_API: '5' } });
    const [noisy, quiet] = [await strict.newClient(), await strict.newClient()];
    const answers = await Promise.all(Array.from({ length: 20 }, () => noisy.get('/settings')));
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(refused).toHaveLength(10);
    expect(Number(refused[0]?.headers.get('Retry-After'))).toBeGreaterThanOrEqual(1);
    expect((await quiet.get('/settings')).status).toBe(200);
    const health = await Promise.all(Array.from({ length: 20 }, () => noisy.get('/health')));
    expect(health.every(({ status }) => status === 200)).toBe(true);
    await strict.close();
  });
});

describe('proxies', () => {
  const loggedAddress = (log: string, id: string): string | undefined =>
    log
      .split('\n')
      .filter((line) => line.includes(`"${id}"`))
      .map((line) => (JSON.parse(line) as { remote_address: string }).remote_address)[0];

  it('should be believed only where they are trusted', async () => {
    const behind = await startApi({
      environment: { TRUST_PROXY: '127.0.0.0/8, ::1, 10.0.0.0/8', LOG_LEVEL: 'info' },
    });
    const forwarded = { 'X-Forwarded-For': '6.6.6.6, 203.0.113.9, 10.0.0.7', 'X-Request-Id': 'forwarded' };
    await behind.anonymous.get('/nowhere', { headers: forwarded });
    await client.get('/nowhere', { headers: forwarded });
    expect(loggedAddress(behind.logText(), 'forwarded')).toBe('203.0.113.9');
    expect(loggedAddress(api.logText(), 'forwarded')).toMatch(/127\.0\.0\.1$/);
    await behind.close();
  });
});
