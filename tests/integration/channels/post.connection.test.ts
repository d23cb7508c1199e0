import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createResolver } from '../../../src/net/resolve.ts';
import {
  answer,
  hangsUpAtOnce,
  refusedPort,
  says,
  saysAndResets,
  startMisbehavingServer,
  staysSilent,
} from '../../support/misbehavingServer.ts';
import { startBlackHole } from '../probe/blackHole.ts';
import { buildAuthority, buildCertificate, daysFromNow } from '../probe/certificates.ts';
import { startDnsServer } from '../probe/dnsServer.ts';
import { postTo } from './postTo.ts';

const SECRET_PATH = '/services/T012/secret-token?key=secret-key';
const leadsTo = (...addresses: string[]) => ({ resolve: async () => Promise.resolve(addresses) });

describe('a server that cannot be posted to', () => {
  it('does not answer in time', async () => {
    await using server = await startMisbehavingServer(staysSilent);
    expect(await postTo(`${server.origin}${SECRET_PATH}`, {}, { limitMs: 200 })).toEqual({
      kind: 'failed',
      error: `${server.origin} did not answer within 0.2 s`,
      answer: null,
      retryAfterMs: null,
    });
    await server.idle();
  });

  it('takes no connection in time', async () => {
    await using hole = await startBlackHole();
    expect(await postTo(`http://127.0.0.1:${hole.port}/`, {}, { limitMs: 200 })).toMatchObject({
      kind: 'failed',
      error: expect.stringContaining('did not answer within 0.2 s'),
    });
  });

  it('is waited for no longer than its caller wants', async () => {
    await using server = await startMisbehavingServer(staysSilent);
    const caller = new AbortController();
    const posting = postTo(`${server.origin}${SECRET_PATH}`, { signal: caller.signal });
    await server.heard();
    caller.abort();
    expect(await posting).toMatchObject({
      kind: 'failed',
      error: `The attempt ended before ${server.origin} answered`,
    });
    await server.idle();
  });

  it('is not contacted at all for a caller who has given up', async () => {
    await using server = await startMisbehavingServer(staysSilent);
    const outcome = await postTo(server.origin, { signal: AbortSignal.abort() });
    expect(outcome).toMatchObject({ kind: 'failed' });
    expect(server.accepted()).toBe(0);
  });

  it('refuses connections', async () => {
    const origin = `http://127.0.0.1:${await refusedPort()}`;
    expect(await postTo(`${origin}${SECRET_PATH}`)).toMatchObject({
      kind: 'failed',
      error: `${origin} refuses connections`,
    });
  });

  it.each([
    ['at once', hangsUpAtOnce],
    ['by a reset', saysAndResets('')],
    ['within the head', says('HTTP/1.1 200 O')],
  ])('hangs up %s', async (_when, behaviour) => {
    await using server = await startMisbehavingServer(behaviour);
    expect(await postTo(`${server.origin}${SECRET_PATH}`)).toMatchObject({
      kind: 'failed',
      error: expect.stringMatching(/closed the connection before it answered$|is not valid HTTP$/),
    });
  });

  it('is not known to DNS, which may change', async () => {
    expect(await postTo(`https://hooks.invalid${SECRET_PATH}`)).toEqual({
      kind: 'failed',
      error: 'No DNS record for hooks.invalid',
      answer: null,
      retryAfterMs: null,
    });
  });

  it('has a name of which DNS says nothing in time', async () => {
    await using dns = await startDnsServer({ 'hooks.example': { a: 'silent', aaaa: 'silent' } });
    const resolve = createResolver({ servers: [dns.address] });
    expect(await postTo('https://hooks.example/', {}, { resolve, limitMs: 200 })).toMatchObject({
      kind: 'failed',
      error: 'https://hooks.example did not answer within 0.2 s',
    });
  });
});

describe('a certificate', () => {
  const authority = buildAuthority('Trusted Test CA');
  const before = getCACertificates('default');
  beforeAll(() => setDefaultCACertificates([authority.cert]));
  afterAll(() => setDefaultCACertificates(before));

  const names = ['hooks.example'];
  const postOver = async (identity: Parameters<typeof buildCertificate>[0]) => {
    await using server = await startMisbehavingServer(says(answer('200 OK')), buildCertificate(identity));
    const url = `https://hooks.example:${server.port}${SECRET_PATH}`;
    const outcome = await postTo(url, {}, leadsTo('127.0.0.1'));
    return { outcome, received: server.received() };
  };

  it('that is in order lets the message through', async () => {
    const { outcome, received } = await postOver({ names, issuer: authority });
    expect(outcome).toEqual({ kind: 'sent', answer: 'HTTP 200' });
    expect(received).toContain(`POST ${SECRET_PATH} HTTP/1.1`);
  });

  it.each([
    ['of nobody who is trusted', { names }, /is not trusted \([A-Z_]+\)$/],
    ['for another host', { names: ['other.example'], issuer: authority }, /is for another host$/],
    [
      'that has expired',
      { names, issuer: authority, notBefore: daysFromNow(-90), notAfter: daysFromNow(-3) },
      /has expired$/,
    ],
  ])('%s lets nothing through', async (_what, identity, error) => {
    const { outcome, received } = await postOver(identity);
    expect(outcome).toMatchObject({ kind: 'failed', error: expect.stringMatching(error) });
    expect(JSON.stringify(outcome)).not.toContain('secret');
    expect(received).toBe('');
  });

  it('is missed where the server speaks plain http', async () => {
    await using server = await startMisbehavingServer(says(answer('400 Bad Request')));
    const outcome = await postTo(`https://127.0.0.1:${server.port}/`);
    expect(outcome).toMatchObject({ kind: 'failed', error: expect.stringContaining('is it plain http?') });
  });
});
