import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  answer,
  hangsUpAtOnce,
  says,
  startMisbehavingServer,
  type MisbehavingServer,
} from '../../support/misbehavingServer.ts';
import { buildAuthority, buildCertificate, daysFromNow, type Identity } from './certificates.ts';
import { check } from './check.ts';

const authority = buildAuthority('Trusted Test CA');
const stranger = buildAuthority('Stranger CA');
const trusted = { names: ['shop.example', '127.0.0.1'], issuer: authority };
const resolve = async () => Promise.resolve(['127.0.0.1']);

const serve = (identity: Identity) => startMisbehavingServer(says(answer('200 OK')), identity);
const checkByName = (
  server: MisbehavingServer,
  name = 'shop.example',
  request: Parameters<typeof check>[1] = {},
) => check(`https://${name}:${server.port}/`, request, { resolve });

const wholeSeconds = (date: Date) => Math.floor(date.getTime() / 1_000) * 1_000;

describe('certificates', () => {
  const before = getCACertificates('default');
  beforeAll(() => setDefaultCACertificates([authority.cert]));
  afterAll(() => setDefaultCACertificates(before));

  it('that are in order pass, and it is told when they end', async () => {
    const notAfter = daysFromNow(12);
    await using server = await serve(buildCertificate({ ...trusted, notAfter }));
    const outcome = await checkByName(server);
    expect(outcome).toMatchObject({
      failureClass: null,
      errorMessage: null,
      statusCode: 200,
      certificateExpiresAt: wholeSeconds(notAfter),
    });
    expect(Number.isInteger(outcome.timings.tlsMs)).toBe(true);
  });

  it('may be for an address', async () => {
    await using server = await serve(buildCertificate(trusted));
    expect((await check(server.origin)).errorMessage).toBeNull();
  });

  it('may be asked for with the dot of the DNS root', async () => {
    await using server = await serve(buildCertificate(trusted));
    expect((await checkByName(server, 'shop.example.')).errorMessage).toBeNull();
  });

  const expired = { ...trusted, notBefore: daysFromNow(-90), notAfter: daysFromNow(-3) };
  const notYet = { ...trusted, notBefore: daysFromNow(3), notAfter: daysFromNow(90) };
  const dayOf = (date: Date) => date.toISOString().slice(0, 10);
  const cases: [what: string, Parameters<typeof buildCertificate>[0], message: string][] = [
    ['are self-signed', { names: ['shop.example'] }, 'Certificate of shop.example is self-signed'],
    [
      'come from a stranger',
      { ...trusted, issuer: stranger },
      'Certificate of shop.example is not trusted: its issuer is unknown or an intermediate certificate is missing',
    ],
    ['have expired', expired, `Certificate of shop.example expired on ${dayOf(expired.notAfter)}`],
    [
      'are not valid yet',
      notYet,
      `Certificate of shop.example is not valid before ${dayOf(notYet.notBefore)}`,
    ],
    [
      'are for another name',
      { ...trusted, names: ['other.example', '*.other.example'] },
      'Certificate is not for shop.example but for other.example, *.other.example',
    ],
  ];

  it.each(cases)('that %s fail, and it is told when they end', async (_what, options, message) => {
    const notAfter = options.notAfter ?? daysFromNow(30);
    await using server = await serve(buildCertificate({ ...options, notAfter }));
    expect(await checkByName(server)).toMatchObject({
      failureClass: 'tls',
      errorMessage: message,
      statusCode: null,
      certificateExpiresAt: wholeSeconds(notAfter),
    });
    expect(server.received()).toBe('');
    await server.idle();
  });

  it.each(cases)('that %s pass where nobody asks for trust', async (_what, options) => {
    const notAfter = options.notAfter ?? daysFromNow(30);
    await using server = await serve(buildCertificate({ ...options, notAfter }));
    expect(await checkByName(server, 'shop.example', { verifyTls: false })).toMatchObject({
      failureClass: null,
      statusCode: 200,
      certificateExpiresAt: wholeSeconds(notAfter),
    });
    await server.idle();
  });

  it('are told by the one that ends first on the way', async () => {
    const [soon, late] = [daysFromNow(2), daysFromNow(60)];
    await using last = await serve(buildCertificate({ ...trusted, notAfter: late }));
    const moved = says(answer('302 Found', { Location: `https://shop.example:${last.port}/` }));
    await using first = await startMisbehavingServer(moved, buildCertificate({ ...trusted, notAfter: soon }));
    expect(await checkByName(first)).toMatchObject({
      failureClass: null,
      certificateExpiresAt: wholeSeconds(soon),
    });
  });
});

describe('TLS', () => {
  it('to a plain http port says what is wrong', async () => {
    await using server = await startMisbehavingServer(says('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await check(`https://127.0.0.1:${server.port}/`)).toMatchObject({
      failureClass: 'tls',
      errorMessage: `127.0.0.1:${server.port} does not speak TLS: is it plain http?`,
      certificateExpiresAt: null,
    });
    await server.idle();
  });

  it('that the server breaks off says so', async () => {
    await using server = await startMisbehavingServer(hangsUpAtOnce);
    const outcome = await check(`https://127.0.0.1:${server.port}/`);
    expect(outcome).toMatchObject({
      failureClass: 'tls',
      errorMessage: `127.0.0.1:${server.port} closed the connection during the TLS handshake`,
    });
    await server.idle();
  });

  it('that the server does not agree to says so', async () => {
    const outdated = {
      ...buildCertificate({ names: ['127.0.0.1'] }),
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    } as const;
    await using server = await startMisbehavingServer(says(answer('200 OK')), outdated);
    const outcome = await check(server.origin, { verifyTls: false });
    expect(outcome.failureClass).toBe('tls');
    expect(outcome.errorMessage).toMatch(/^TLS handshake with 127\.0\.0\.1 failed: /);
    await server.idle();
  });

  it('where a certificate of ours is wanted is told as TLS', async () => {
    const demanding = {
      ...buildCertificate({ names: ['127.0.0.1'] }),
      requestCert: true,
      rejectUnauthorized: true,
    };
    await using server = await startMisbehavingServer(says(answer('200 OK')), demanding);
    const outcome = await check(server.origin, { verifyTls: false });
    expect(outcome.failureClass).toMatch(/^(tls|connect)$/);
    await server.idle();
  });

  it('that plain http talks to is told, whatever the server makes of it', async () => {
    await using server = await startMisbehavingServer(
      says(answer('200 OK')),
      buildCertificate({ names: ['127.0.0.1'] }),
    );
    const outcome = await check(`http://127.0.0.1:${server.port}/`);
    expect(outcome.failureClass).toMatch(/^(protocol|connect)$/);
    await server.idle();
  });

  it('carries a body that is too large no further than 1 MiB', async () => {
    const flood = says(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(5 * 1024 * 1024)}`);
    await using server = await startMisbehavingServer(flood, buildCertificate({ names: ['127.0.0.1'] }));
    expect((await check(server.origin, { verifyTls: false })).failureClass).toBe('body_too_large');
    await server.idle();
  });
});
