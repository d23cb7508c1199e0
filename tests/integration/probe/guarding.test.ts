import { describe, expect, it } from '@jest/globals';
import { createAddressGuard } from '../../../src/net/addressGuard.ts';
import { answer, says, startMisbehavingServer } from '../../support/misbehavingServer.ts';
import { check } from './check.ts';

const METADATA = '169.254.169.254';
const publicOnly = createAddressGuard({ blockPrivate: true });

/** A name server that changes its mind: each question gets the next answer, the last one for good. */
function rebinding(...answers: (readonly string[])[]) {
  let asked = 0;
  const resolve = async () => {
    const addresses = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    return Promise.resolve(addresses);
  };
  return { resolve, asked: () => asked };
}

describe('barred addresses', () => {
  it.each([
    `http://${METADATA}/`,
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://0.0.0.0/',
  ])('are not contacted as %s', async (url) => {
    const outcome = await check(url);
    expect(outcome.errorMessage).toMatch(/may not be contacted: it is a/);
    expect(outcome).toMatchObject({ failureClass: 'connect', timings: { tcpMs: null } });
  });

  it('are not contacted under a name, and the answer says so', async () => {
    const { resolve } = rebinding([METADATA, 'fd00:ec2::254']);
    const outcome = await check('http://innocent.example/', {}, { resolve });
    expect(outcome).toMatchObject({
      failureClass: 'connect',
      errorMessage: `innocent.example leads to ${METADATA}, which may not be contacted: it is a cloud metadata address`,
    });
  });

  it('are passed over where a name has others', async () => {
    await using server = await startMisbehavingServer(says(answer('200 OK')));
    const { resolve } = rebinding([METADATA, '127.0.0.1']);
    expect((await check(`http://mixed.example:${server.port}/`, {}, { resolve })).errorMessage).toBeNull();
  });

  it('are found out when a name changes between a check and its redirect', async () => {
    await using server = await startMisbehavingServer(says(answer('302 Found', { Location: '/again' })));
    const { resolve, asked } = rebinding(['127.0.0.1'], [METADATA]);
    const outcome = await check(`http://rebinding.example:${server.port}/`, {}, { resolve });
    expect(outcome.errorMessage).toMatch(/^After a redirect: rebinding\.example leads to 169\.254\.169\.254/);
    expect(outcome.failureClass).toBe('connect');
    expect(server.accepted()).toBe(1);
    expect(asked()).toBe(2);
  });

  it('are judged by the very answer that is connected to', async () => {
    await using server = await startMisbehavingServer(says(answer('200 OK')));
    const { resolve, asked } = rebinding(['127.0.0.1'], [METADATA]);
    expect(
      (await check(`http://rebinding.example:${server.port}/`, {}, { resolve })).errorMessage,
    ).toBeNull();
    expect(asked()).toBe(1);
  });

  it('are found out when the connection leads elsewhere than it seemed', async () => {
    await using server = await startMisbehavingServer(says(answer('200 OK')));
    // What the socket reports is not what the name resolved to; without IPv6 there is no connection at all.
    const reported = '::ffff:127.0.0.1';
    const guard = {
      barredUrlReason: () => null,
      barredReason: (address: string) => (address === reported ? `${reported} may not be contacted` : null),
    };
    const { resolve } = rebinding(['::ffff:7f00:1']);
    const outcome = await check(`http://sneaky.example:${server.port}/`, {}, { guard, resolve });
    expect(outcome.failureClass).toMatch(/^(connect|monitor)$/);
    await server.idle();
    expect(server.received()).toBe('');
  });

  it('include private ones where those are barred', async () => {
    await using server = await startMisbehavingServer(says(answer('200 OK')));
    for (const host of ['127.0.0.1', 'localhost', 'app.localhost', '[::1]', '[::ffff:127.0.0.1]']) {
      const outcome = await check(`http://${host}:${server.port}/`, {}, { guard: publicOnly });
      expect([host, outcome.failureClass]).toEqual([host, 'connect']);
      expect(outcome.errorMessage).toContain('may not be contacted');
    }
    expect(server.accepted()).toBe(0);
  });
});
