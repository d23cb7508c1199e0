import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import {
  answer,
  says,
  saysAndWaits,
  startMisbehavingServer,
  until,
} from '../../support/misbehavingServer.ts';
import { check } from './check.ts';

describe('a check that passes', () => {
  it('tells when it began, the status and how long each part took', async () => {
    await using server = await startMisbehavingServer((socket) => {
      socket.once('data', () => setTimeout(() => socket.end(answer('200 OK', {}, 'hello')), 50));
    });
    const outcome = await check(`http://localhost:${server.port}/`, {}, { clock: { now: () => 1_234_567 } });
    expect(outcome).toMatchObject({
      startedAt: 1_234_567,
      failureClass: null,
      errorMessage: null,
      statusCode: 200,
    });
    const { dnsMs, tcpMs, tlsMs, firstByteMs, totalMs } = outcome.timings;
    expect(tlsMs).toBeNull();
    expect(firstByteMs).toBeGreaterThanOrEqual(49);
    expect(totalMs).toBeGreaterThanOrEqual(firstByteMs ?? 0);
    for (const ms of [dnsMs, tcpMs, firstByteMs, totalMs]) {
      expect(Number.isInteger(ms)).toBe(true);
      expect(ms).toBeGreaterThanOrEqual(0);
    }
  });

  it.each([
    ['200 OK', null],
    ['204 No Content', null],
    ['304 Not Modified', null],
    ['404 Not Found', [[404, 404]] as const],
    [
      '503 Service Unavailable',
      [
        [200, 299],
        [500, 599],
      ] as const,
    ],
  ])('with %s where that is accepted', async (status, acceptedStatusCodes) => {
    await using server = await startMisbehavingServer(
      says(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`),
    );
    expect(await check(server.origin, { acceptedStatusCodes })).toMatchObject({
      failureClass: null,
      statusCode: Number(status.slice(0, 3)),
    });
  });

  it('with a body that only the end of the connection ends', async () => {
    await using server = await startMisbehavingServer(says('HTTP/1.0 200 OK\r\n\r\nhello'));
    expect((await check(server.origin)).failureClass).toBeNull();
  });

  it('after interim answers', async () => {
    await using server = await startMisbehavingServer(
      says(`HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n${answer('200 OK')}`),
    );
    expect(await check(server.origin)).toMatchObject({ failureClass: null, statusCode: 200 });
  });

  it('to HEAD, whatever length is told', async () => {
    await using server = await startMisbehavingServer(
      saysAndWaits('HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n'),
    );
    expect((await check(server.origin, { method: 'HEAD' })).failureClass).toBeNull();
    expect(server.received()).toMatch(/^HEAD \/ HTTP\/1\.1\r\n/);
  });

  it('leaves no connection behind, even where the server would keep it', async () => {
    const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => {
      response.setHeader('connection', 'keep-alive').end('hello');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    for (let round = 0; round < 3; round += 1) expect((await check(url)).failureClass).toBeNull();

    let open = -1;
    await until(() => {
      server.getConnections((_error, count) => (open = count));
      return open === 0;
    }, 'the server to have no connection');
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('the request', () => {
  const requestFor = async (...[request, path = '/']: [Parameters<typeof check>[1]?, string?]) => {
    await using server = await startMisbehavingServer(says(answer('200 OK')));
    const url = path.startsWith('http') ? path.replace('PORT', `${server.port}`) : `${server.origin}${path}`;
    const outcome = await check(url, request);
    return { outcome, text: server.received(), port: server.port };
  };

  it('says who asks, and where', async () => {
    const { text, port } = await requestFor({}, '/health?full=1#top');
    expect(text).toMatch(/^GET \/health\?full=1 HTTP\/1\.1\r\n/);
    expect(text).toContain(`\r\nhost: 127.0.0.1:${port}\r\n`);
    expect(text).toMatch(/\r\nuser-agent: monitoring-server\/\d+\.\d+\.\d+\r\n/);
  });

  it('carries the headers of its owner, which win', async () => {
    const headers = {
      'USER-AGENT': 'mine/2',
      Host: 'virtual.example',
      'X-Key': 'käse',
      Accept: 'application/json',
    };
    const { text } = await requestFor({ headers });
    expect(text).toContain('\r\nuser-agent: mine/2\r\n');
    expect(text).toContain('\r\nhost: virtual.example\r\n');
    expect(text).toContain('\r\nx-key: käse\r\n');
    expect(text).toContain('\r\naccept: application/json\r\n');
    expect(text.match(/user-agent|host:|accept/g)).toHaveLength(3);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])(
    'sends the body of a %s with its length in bytes',
    async (method) => {
      const { outcome, text } = await requestFor({
        method,
        headers: { 'Content-Type': 'text/plain' },
        body: 'héllo',
      });
      expect(outcome.failureClass).toBeNull();
      expect(text).toMatch(new RegExp(`^${method} / HTTP/1\\.1\r\n`));
      expect(text).toContain('content-length: 6\r\n');
      expect(Buffer.from(text, 'latin1').toString()).toMatch(/\r\n\r\nhéllo$/);
    },
  );

  it('sends a user name and password of the URL as Basic authentication', async () => {
    const { text } = await requestFor({}, 'http://us%20er:p%C3%A4ss%3A@127.0.0.1:PORT/');
    expect(text).toContain(`authorization: Basic ${Buffer.from('us er:päss:').toString('base64')}\r\n`);
  });

  it('prefers an Authorization header over the URL', async () => {
    const { text } = await requestFor(
      { headers: { Authorization: 'Bearer t' } },
      'http://user:pass@127.0.0.1:PORT/',
    );
    expect(text).toContain('authorization: Bearer t\r\n');
    expect(text).not.toContain('Basic');
  });

  it('frames itself, whatever headers say', async () => {
    const headers = {
      'Content-Length': '99',
      'Transfer-Encoding': 'chunked',
      Expect: '100-continue',
      Upgrade: 'h2c',
    };
    const { outcome, text } = await requestFor({ method: 'POST', headers, body: 'abc' });
    expect(outcome.failureClass).toBeNull();
    expect(text).toContain('content-length: 3\r\n');
    expect(text).not.toMatch(/transfer-encoding|expect|upgrade/i);
  });

  it.each([
    ['a line break', 'X-Key', 'secret\r\nX-Other: 1'],
    ['a name that is none', 'X Key', 'secret'],
    ['letters beyond Latin-1', 'X-Key', 'secret☃'],
  ])('is not sent with a header that has %s, and the header is named', async (_what, name, value) => {
    const { outcome, text } = await requestFor({ headers: { [name]: value } });
    expect(outcome).toMatchObject({
      failureClass: 'monitor',
      errorMessage: `The header "${name}" of this target cannot be sent`,
    });
    expect(text).toBe('');
  });

  it.each(['GET /secret', 'CONNECT', ''])(
    'is not sent with the method "%s", which is no fault of the target',
    async (method) => {
      const { outcome, text } = await requestFor({ method });
      expect(outcome.failureClass).toBe('monitor');
      expect(outcome.errorMessage).toMatch(/^The request of this target cannot be sent/);
      expect(outcome.errorMessage).not.toContain('secret');
      expect(text).toBe('');
    },
  );

  it.each(['ftp://example.com/', 'not a URL'])('is not sent to %s', async (url) => {
    expect((await check(url)).failureClass).toBe('monitor');
  });
});
