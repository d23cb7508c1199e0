import { describe, expect, it } from '@jest/globals';
import type { FailureClass } from '../../../src/domain/check.ts';
import {
  answer,
  drips,
  floods,
  hangsUpAtOnce,
  refusedPort,
  says,
  saysAndResets,
  saysAndWaits,
  startMisbehavingServer,
  staysSilent,
  until,
  type Behaviour,
} from '../../support/misbehavingServer.ts';
import { startBlackHole } from './blackHole.ts';
import { check } from './check.ts';

const MIB = 1024 * 1024;

describe('a target that cannot be connected to', () => {
  it('is told as refused, with its address and port', async () => {
    const port = await refusedPort();
    const outcome = await check(`http://127.0.0.1:${port}/health?token=secret`);
    expect(outcome).toMatchObject({
      failureClass: 'connect',
      errorMessage: `Connection refused by 127.0.0.1:${port}`,
      statusCode: null,
      timings: { dnsMs: null, tcpMs: null, tlsMs: null, firstByteMs: null },
      certificateExpiresAt: null,
    });
  });

  it('is told with its name and every address that was tried', async () => {
    const port = await refusedPort();
    const outcome = await check(
      `http://shop.example:${port}/`,
      {},
      { resolve: async () => Promise.resolve(['127.0.0.1']) },
    );
    expect(outcome.failureClass).toBe('connect');
    expect(outcome.errorMessage).toBe(`Connection refused by shop.example:${port} (127.0.0.1)`);
  });

  it('is reached by its second address when the first is dead', async () => {
    await using server = await startMisbehavingServer(says(answer('200 OK')));
    const resolve = async () => Promise.resolve(['127.0.0.2', '127.0.0.1']);
    const outcome = await check(`http://shop.example:${server.port}/`, {}, { resolve });
    expect(outcome.errorMessage).toBeNull();
  });
});

const onLinux = process.platform === 'linux' ? it : it.skip;

describe('a target that does not take the connection', () => {
  it('is told as too slow to connect', async () => {
    await using hole = await startBlackHole();
    const outcome = await check(`http://${hole.address}:${hole.port}/`, { timeoutMs: 100 });
    expect(outcome).toMatchObject({
      failureClass: 'timeout',
      errorMessage: `No answer within 100 ms (connecting to ${hole.address}:${hole.port})`,
      timings: { tcpMs: null },
    });
  });

  // Only there is all of 127.0.0.0/8 this machine.
  onLinux('is reached by its second address before the first has failed', async () => {
    await using server = await startMisbehavingServer(says(answer('200 OK')));
    await using hole = await startBlackHole({ address: '127.0.0.2', port: server.port });
    const resolve = async () => Promise.resolve([hole.address, '127.0.0.1']);
    const outcome = await check(`http://shop.example:${server.port}/`, {}, { resolve });
    expect(outcome).toMatchObject({ failureClass: null, errorMessage: null });
    expect(outcome.timings.tcpMs).toBeGreaterThanOrEqual(200);
    await server.idle();
    await until(
      () => !process.getActiveResourcesInfo().includes('ConnectWrap'),
      'the other attempt to be given up',
    );
  });
});

describe('a target whose name is unknown', () => {
  it('is told as unknown to DNS', async () => {
    const outcome = await check('http://no-such-host.invalid/');
    expect(outcome).toMatchObject({
      failureClass: 'dns',
      errorMessage: 'No DNS record for no-such-host.invalid',
      statusCode: null,
    });
    expect(outcome.timings.dnsMs).not.toBeNull();
  });
});

const lengthOf = (bytes: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`;
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('a target that answers badly', () => {
  const cases: [what: string, Behaviour, FailureClass, message: RegExp][] = [
    ['hangs up at once', hangsUpAtOnce, 'connect', /closed by 127\.0\.0\.1:\d+ before an answer/],
    ['hangs up instead of answering', says(''), 'connect', /closed by .* before an answer/],
    ['resets instead of answering', saysAndResets(''), 'connect', /reset by .* before an answer/],
    ['speaks SSH', says('SSH-2.0-OpenSSH_9.9\r\n'), 'protocol', /not valid HTTP/],
    ['sends bare HTML', says('<html>hello</html>'), 'protocol', /not valid HTTP/],
    ['sends noise', says('\x00\xff\xfe\x01'), 'protocol', /not valid HTTP/],
    [
      'answers plain http with TLS',
      says('\x15\x03\x01\x00\x02\x02\x16'),
      'protocol',
      /speaks TLS: should the URL begin with https/,
    ],
    ['stops in the status line', says('HTTP/1.1 2'), 'protocol', /broke off/],
    ['stops in the headers', says('HTTP/1.1 200 OK\r\nServer: x\r\n'), 'protocol', /broke off/],
    ['sends less than it promised', says(`${lengthOf(10)}abc`), 'protocol', /broke off/],
    ['resets in the middle of the body', saysAndResets(`${lengthOf(10)}abc`), 'protocol', /broke off/],
    ['stops in the middle of a chunk', says(`${CHUNKED}5\r\nab`), 'protocol', /broke off/],
    ['never ends its chunks', says(`${CHUNKED}2\r\nab\r\n`), 'protocol', /broke off/],
    ['sends a chunk without a size', says(`${CHUNKED}zz\r\nab\r\n`), 'protocol', /not valid HTTP/],
    [
      'gives two lengths',
      says('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'),
      'protocol',
      /contradict/,
    ],
    [
      'switches protocols unasked',
      says('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
      'protocol',
      /was not asked for/,
    ],
    [
      'sends endless headers',
      drips('HTTP/1.1 200 OK\r\n', `X: ${'x'.repeat(8_000)}\r\n`),
      'protocol',
      /larger than 64 KiB/,
    ],
    ['announces 5 MiB', saysAndWaits(lengthOf(5 * MIB)), 'body_too_large', /larger than 1 MiB/],
    ['announces one byte too many', saysAndWaits(lengthOf(MIB + 1)), 'body_too_large', /larger than 1 MiB/],
    [
      'sends 5 MiB without announcing it',
      says(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(5 * MIB)}`),
      'body_too_large',
      /larger than 1 MiB/,
    ],
    ['sends a body without end', floods, 'body_too_large', /larger than 1 MiB/],
  ];

  it.each(cases)('%s', async (_what, behaviour, failureClass, message) => {
    await using server = await startMisbehavingServer(behaviour);
    const outcome = await check(`${server.origin}/path`);
    expect(outcome.errorMessage).toMatch(message);
    expect(outcome.failureClass).toBe(failureClass);
    await server.idle();
  });

  it('tells the status of an answer that broke off in its body', async () => {
    await using server = await startMisbehavingServer(says(`${lengthOf(10)}abc`));
    expect((await check(server.origin)).statusCode).toBe(200);
  });

  it('reads a body of exactly 1 MiB', async () => {
    await using server = await startMisbehavingServer(says(answer('200 OK', {}, 'x'.repeat(MIB))));
    expect(await check(server.origin)).toMatchObject({ failureClass: null, errorMessage: null });
  });

  it('keeps messages short and free of what was sent', async () => {
    await using server = await startMisbehavingServer(says(`secret-banner ${'x'.repeat(10_000)}`));
    const outcome = await check(`http://user:secret@127.0.0.1:${server.port}/?key=secret`, {
      headers: { 'x-key': 'secret' },
    });
    expect(outcome.failureClass).toBe('protocol');
    expect(outcome.errorMessage).not.toContain('secret');
    expect(outcome.errorMessage?.length).toBeLessThanOrEqual(500);
  });
});

describe('a target that takes too long', () => {
  // Long enough to be connected by then on a busy machine.
  const timeoutMs = 400;
  const cases: [what: string, Behaviour, message: string, statusCode: number | null][] = [
    ['never answers', staysSilent, 'No answer within 400 ms (connected, waiting for the first byte)', null],
    [
      'drips headers',
      drips('HTTP/1.1 200 OK\r\n', 'x'),
      'No complete answer within 400 ms (the answer has begun, its headers are not complete)',
      null,
    ],
    [
      'drips its body',
      drips(CHUNKED, '1\r\nx\r\n'),
      'No complete answer within 400 ms (status 200, the body is not complete)',
      200,
    ],
    [
      'stops before the end of its body',
      saysAndWaits(`${lengthOf(10)}abc`),
      'No complete answer within 400 ms (status 200, the body is not complete)',
      200,
    ],
  ];

  it.each(cases)('%s', async (_what, behaviour, message, statusCode) => {
    await using server = await startMisbehavingServer(behaviour);
    const outcome = await check(server.origin, { timeoutMs });
    expect(outcome).toMatchObject({ failureClass: 'timeout', errorMessage: message, statusCode });
    expect(outcome.timings.totalMs).toBeGreaterThanOrEqual(timeoutMs - 1);
    await server.idle();
  });

  it('never completes the TLS handshake', async () => {
    await using server = await startMisbehavingServer(staysSilent);
    const outcome = await check(`https://127.0.0.1:${server.port}/`, { timeoutMs });
    expect(outcome.errorMessage).toBe('No answer within 400 ms (connected, in the TLS handshake)');
    expect(outcome.failureClass).toBe('timeout');
    await server.idle();
  });

  it('waits for DNS no longer than for anything else', async () => {
    const outcome = await check(
      'http://shop.example/',
      { timeoutMs },
      { resolve: () => new Promise(() => undefined) },
    );
    expect(outcome.errorMessage).toBe('No answer within 400 ms (looking up shop.example)');
    expect(outcome.failureClass).toBe('timeout');
  });

  it('is given one deadline for all redirects together', async () => {
    await using server = await startMisbehavingServer((socket) => {
      socket.once('data', () =>
        setTimeout(() => socket.end(answer('302 Found', { Location: '/again' })), 150),
      );
    });
    const outcome = await check(server.origin, { timeoutMs });
    expect(outcome.failureClass).toBe('timeout');
    expect(server.accepted()).toBeLessThan(5);
    await server.idle();
  });
});

describe('a target with a status that is not expected', () => {
  it.each([
    ['503 Service Unavailable', null, 'Expected 200–399, got 503 Service Unavailable'],
    [
      '200 Alles gut',
      [
        [404, 404],
        [500, 599],
      ] as const,
      'Expected 404, 500–599, got 200 OK',
    ],
    ['999 Whatever', null, 'Expected 200–399, got 999'],
  ])('%s', async (status, acceptedStatusCodes, message) => {
    await using server = await startMisbehavingServer(says(answer(status)));
    const outcome = await check(server.origin, { acceptedStatusCodes });
    expect(outcome).toMatchObject({
      failureClass: 'http_status',
      errorMessage: message,
      statusCode: Number(status.slice(0, 3)),
    });
  });

  it('is judged before its body is read', async () => {
    await using server = await startMisbehavingServer(
      saysAndWaits('HTTP/1.1 500 Oops\r\nContent-Length: 99999999\r\n\r\n'),
    );
    expect((await check(server.origin)).failureClass).toBe('http_status');
    await server.idle();
  });
});
