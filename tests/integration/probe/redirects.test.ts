import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { answer, refusedPort, says, startMisbehavingServer } from '../../support/misbehavingServer.ts';
import { check } from './check.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface RedirectingServer extends AsyncDisposable {
  readonly origin: string;
  readonly seen: Seen[];
}

/** Answers each path with the redirect it is given, any other with 200, and remembers what it was asked. */
async function startRedirects(
  redirects: (path: string) => { readonly status: number; readonly location: string } | undefined,
): Promise<RedirectingServer> {
  const seen: Seen[] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ method: request.method, url: request.url, headers: request.headers, body });
      const redirect = redirects(request.url ?? '');
      if (redirect === undefined) response.end('the end');
      else response.writeHead(redirect.status, { location: redirect.location }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `/10` leads to `/9`, and so on to `/0`, which answers. */
const countdown = (path: string) => {
  const left = Number(path.slice(1));
  return left > 0 ? { status: 302, location: `/${left - 1}` } : undefined;
};

describe('redirects', () => {
  it('are followed ten times', async () => {
    await using server = await startRedirects(countdown);
    expect(await check(`${server.origin}/10`)).toMatchObject({ failureClass: null, statusCode: 200 });
    expect(server.seen).toHaveLength(11);
  });

  it('are not followed an eleventh time', async () => {
    await using server = await startRedirects(countdown);
    const outcome = await check(`${server.origin}/11`);
    expect(outcome).toMatchObject({
      failureClass: 'too_many_redirects',
      errorMessage: `More than 10 redirects, the last one to ${server.origin}`,
      statusCode: 302,
    });
    expect(server.seen).toHaveLength(11);
  });

  it('that run in a circle are told as such, without the query', async () => {
    await using server = await startRedirects((path) => ({ status: 302, location: path }));
    const outcome = await check(`${server.origin}/loop?session=secret`);
    expect(outcome.failureClass).toBe('too_many_redirects');
    expect(outcome.errorMessage).toBe(`Redirects run in a circle through ${server.origin}`);
  });

  it('are judged themselves when they are not to be followed', async () => {
    await using server = await startRedirects(countdown);
    expect(await check(`${server.origin}/1`, { followRedirects: false })).toMatchObject({
      failureClass: null,
      statusCode: 302,
    });
    const strict = await check(`${server.origin}/1`, {
      followRedirects: false,
      acceptedStatusCodes: [[200, 299]],
    });
    expect(strict).toMatchObject({
      failureClass: 'http_status',
      errorMessage: 'Expected 200–299, got 302 Found',
    });
  });

  it('tell at which of them it failed', async () => {
    const port = await refusedPort();
    await using server = await startRedirects(() => ({ status: 302, location: `http://127.0.0.1:${port}/` }));
    expect(await check(server.origin)).toMatchObject({
      failureClass: 'connect',
      errorMessage: `After a redirect: Connection refused by 127.0.0.1:${port}`,
      statusCode: null,
    });
  });

  it.each([
    ['http://169.254.169.254/latest/meta-data/', 'connect', /cloud metadata address/],
    ['http://2852039166/', 'connect', /cloud metadata address/],
    ['http://[::ffff:a9fe:a9fe]/', 'connect', /cloud metadata address/],
    ['file:///etc/passwd', 'protocol', /redirects to a file: URL, which is not http or https/],
    ['javascript:alert(1)', 'protocol', /not http or https/],
    ['http://[', 'protocol', /Location that is no URL/],
  ] as const)('to %s are not followed', async (location, failureClass, message) => {
    await using server = await startRedirects(() => ({ status: 302, location }));
    const outcome = await check(server.origin);
    expect(outcome.errorMessage).toMatch(message);
    expect(outcome.failureClass).toBe(failureClass);
  });

  it('without a Location are a fault of the target', async () => {
    await using server = await startMisbehavingServer(says(answer('301 Moved Permanently')));
    const outcome = await check(`${server.origin}/old?key=secret`);
    expect(outcome).toMatchObject({
      failureClass: 'protocol',
      errorMessage: `${server.origin} answered 301 without saying where to go`,
      statusCode: 301,
    });
  });

  it.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [301, 'PUT', 'PUT', 'data'],
    [307, 'POST', 'POST', 'data'],
    [308, 'POST', 'POST', 'data'],
    [308, 'PUT', 'PUT', 'data'],
  ])('with %i turn a %s into a %s', async (status, method, nextMethod, nextBody) => {
    await using server = await startRedirects((path) =>
      path === '/' ? { status, location: '/next' } : undefined,
    );
    const headers = { 'Content-Type': 'text/plain', 'X-Key': 'k' };
    await check(server.origin, { method, headers, body: 'data' });
    expect(server.seen).toHaveLength(2);
    expect(server.seen[1]).toMatchObject({ method: nextMethod, url: '/next', body: nextBody });
    expect(server.seen[1]?.headers['content-type']).toBe(nextBody === '' ? undefined : 'text/plain');
    expect(server.seen[1]?.headers['x-key']).toBe('k');
  });

  it('stay HEAD all the way', async () => {
    await using server = await startRedirects((path) =>
      path === '/' ? { status: 303, location: '/next' } : undefined,
    );
    expect((await check(server.origin, { method: 'HEAD' })).failureClass).toBeNull();
    expect(server.seen.map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
  });

  it('give credentials and headers to the same origin only', async () => {
    await using elsewhere = await startRedirects(() => undefined);
    await using server = await startRedirects((path) =>
      path === '/'
        ? { status: 302, location: '/here' }
        : { status: 302, location: `${elsewhere.origin}/there` },
    );
    const url = server.origin.replace('http://', 'http://user:secret@');
    const headers = { Cookie: 'session=secret', 'X-Api-Key': 'secret', 'User-Agent': 'secret/1' };
    expect((await check(url, { headers })).failureClass).toBeNull();

    expect(server.seen[1]?.url).toBe('/here');
    expect(server.seen[1]?.headers).toMatchObject({ cookie: 'session=secret', 'x-api-key': 'secret' });
    expect(server.seen[1]?.headers.authorization).toMatch(/^Basic /);
    expect(elsewhere.seen).toHaveLength(1);
    expect(JSON.stringify(elsewhere.seen)).not.toContain('secret');
    expect(elsewhere.seen[0]?.headers.authorization).toBeUndefined();
    expect(elsewhere.seen[0]?.headers['user-agent']).toMatch(/^monitoring-server\//);
  });

  it('do not give the credentials back after a detour over another origin', async () => {
    let home = '';
    await using elsewhere = await startRedirects(() => ({ status: 302, location: `${home}/back` }));
    await using server = await startRedirects((path) =>
      path === '/' ? { status: 302, location: elsewhere.origin } : undefined,
    );
    home = server.origin;
    await check(server.origin, { headers: { Authorization: 'Bearer secret' } });
    expect(server.seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/', 'Bearer secret'],
      ['/back', undefined],
    ]);
  });

  it('keep a body that goes to another origin together with its type', async () => {
    await using elsewhere = await startRedirects(() => undefined);
    await using server = await startRedirects(() => ({ status: 307, location: elsewhere.origin }));
    const headers = { 'Content-Type': 'application/json', Authorization: 'Bearer secret' };
    await check(server.origin, { method: 'POST', headers, body: '{}' });
    expect(elsewhere.seen[0]).toMatchObject({ method: 'POST', body: '{}' });
    expect(elsewhere.seen[0]?.headers['content-type']).toBe('application/json');
    expect(elsewhere.seen[0]?.headers.authorization).toBeUndefined();
  });

  it('do not send credentials that a server puts into its Location', async () => {
    await using elsewhere = await startRedirects(() => undefined);
    const location = elsewhere.origin.replace('http://', 'http://made:up@');
    await using server = await startRedirects(() => ({ status: 302, location }));
    expect((await check(server.origin)).failureClass).toBeNull();
    expect(elsewhere.seen[0]?.headers.authorization).toBeUndefined();
  });
});
