import { describe, expect, it } from '@jest/globals';
import { probe } from '../../../src/activities/probe.ts';
import {
  answer,
  drips,
  floods,
  says,
  saysAndWaits,
  startMisbehavingServer,
  staysSilent,
  until,
  type Behaviour,
} from '../../support/misbehavingServer.ts';
import { startBlackHole } from './blackHole.ts';
import { buildCertificate } from './certificates.ts';
import { buildDeps, buildRequest } from './check.ts';

class Cancelled extends Error {}

const LEFTOVERS = new Set(['TCPSocketWrap', 'ConnectWrap', 'TLSWrap', 'GetAddrInfoReqWrap', 'Timeout']);

/** Sockets, look-ups and timers that are at work in this process, the test runner's own timers included. */
/** How many there are of each kind. */
function activeResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (LEFTOVERS.has(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** A check that is cancelled with a reason of its own as soon as `moment` has come. */
async function cancelWhen(
  moment: (cancel: () => void) => Promise<void> | undefined,
  url: string,
  deps = {},
): Promise<void> {
  const controller = new AbortController();
  const reason = new Cancelled('paused by its owner');
  const running = probe(buildRequest({ url, signal: controller.signal }), buildDeps(deps));
  const cancel = () => controller.abort(reason);
  const outcome = expect(running).rejects.toBe(reason);
  await moment(cancel);
  cancel();
  await outcome;
}

describe('a cancelled check', () => {
  it('does not even begin when it was cancelled before', async () => {
    await using server = await startMisbehavingServer(staysSilent);
    const reason = new Cancelled();
    const running = probe(
      buildRequest({ url: server.origin, signal: AbortSignal.abort(reason) }),
      buildDeps(),
    );
    await expect(running).rejects.toBe(reason);
    expect(server.accepted()).toBe(0);
  });

  it('ends while its name is looked up', async () => {
    let asked = false;
    const resolve = () => {
      asked = true;
      return new Promise<never>(() => undefined);
    };
    await cancelWhen(() => until(() => asked, 'a question to DNS'), 'http://shop.example/', { resolve });
  });

  it('ends while it connects', async () => {
    await using hole = await startBlackHole();
    const controller = new AbortController();
    const reason = new Cancelled();
    // The connection is begun right after this answer.
    const resolve = async () => {
      setImmediate(() => controller.abort(reason));
      return Promise.resolve([hole.address]);
    };
    const url = `http://shop.example:${hole.port}/`;
    const running = probe(buildRequest({ url, signal: controller.signal }), buildDeps({ resolve }));
    await expect(running).rejects.toBe(reason);
    await until(
      () => !process.getActiveResourcesInfo().includes('ConnectWrap'),
      'the attempt to be given up',
    );
  });

  it('ends in the TLS handshake', async () => {
    await using server = await startMisbehavingServer(staysSilent);
    await cancelWhen(() => server.heard(), `https://127.0.0.1:${server.port}/`);
    await server.idle();
  });

  const stages: [where: string, Behaviour][] = [
    ['while it waits for the first byte', staysSilent],
    ['while headers drip in', drips('HTTP/1.1 200 OK\r\n', 'x')],
    ['while it waits for the body', saysAndWaits('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n')],
    ['while the body drips in', drips('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n')],
  ];

  it.each(stages)('ends %s', async (_where, behaviour) => {
    await using server = await startMisbehavingServer(behaviour);
    await cancelWhen(() => server.heard(), server.origin);
    await server.idle();
  });

  it('ends while a body comes over TLS', async () => {
    const dripping = drips('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n');
    await using server = await startMisbehavingServer(dripping, buildCertificate({ names: ['127.0.0.1'] }));
    const controller = new AbortController();
    const reason = new Cancelled();
    const request = buildRequest({ url: server.origin, verifyTls: false, signal: controller.signal });
    const outcome = expect(probe(request, buildDeps())).rejects.toBe(reason);
    await server.heard();
    controller.abort(reason);
    await outcome;
    await server.idle();
  });

  it('ends after a redirect', async () => {
    await using last = await startMisbehavingServer(staysSilent);
    await using first = await startMisbehavingServer(says(answer('302 Found', { Location: last.origin })));
    await cancelWhen(() => last.heard(), first.origin);
    await first.idle();
    await last.idle();
  });

  it('is an outcome all the same when it was done before', async () => {
    await using server = await startMisbehavingServer(says(answer('200 OK')));
    const controller = new AbortController();
    const outcome = await probe(buildRequest({ url: server.origin, signal: controller.signal }), buildDeps());
    controller.abort();
    expect(outcome.failureClass).toBeNull();
  });
});

describe('a check that is over', () => {
  const endings: [how: string, Behaviour, timeoutMs: number][] = [
    ['passed', says(answer('200 OK', {}, 'hello')), 20_000],
    [
      'passed on a connection that would stay open',
      saysAndWaits(answer('200 OK', { Connection: 'keep-alive' })),
      20_000,
    ],
    ['failed by its status', saysAndWaits(answer('500 Oops', { 'Content-Length': '5' })), 20_000],
    ['failed by a body that is too large', floods, 20_000],
    ['timed out', staysSilent, 50],
    [
      'timed out in its body',
      drips('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n'),
      50,
    ],
  ];

  it.each(endings)('leaves nothing behind when it %s', async (_how, behaviour, timeoutMs) => {
    await using server = await startMisbehavingServer(behaviour);
    // Other test files of this process may have left sockets of their own: what counts is that none is added.
    const before = activeResources();
    const added = () =>
      Object.entries(activeResources()).filter(([kind, count]) => count > (before[kind] ?? 0));
    const controller = new AbortController();
    await probe(buildRequest({ url: server.origin, timeoutMs, signal: controller.signal }), buildDeps());
    await server.idle();
    await until(() => added().length === 0, 'the connection to be gone');
  });
});
