import type { Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startMailServer } from '../../support/mailServer.ts';
import {
  hangsUpAtOnce,
  refusedPort,
  startMisbehavingServer,
  staysSilent,
  type Behaviour,
} from '../../support/misbehavingServer.ts';
import { until } from '../../support/until.ts';
import { startBlackHole } from '../probe/blackHole.ts';
import { buildAuthority, buildCertificate } from '../probe/certificates.ts';
import { sendMail } from './sendMail.ts';

/** Talks as a mail server does, up to the command that begins so, of which it says nothing more. */
function hangsAt(command: string): Behaviour {
  return (socket) => {
    socket.write('220 mail.example\r\n');
    let isMail = false;
    let isStuck = false;
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString('latin1').split('\r\n').filter(Boolean)) {
        isStuck ||= line.startsWith(command);
        if (isStuck || (isMail && line !== '.')) continue;
        isMail = line === 'DATA';
        socket.write(isMail ? '354 go on\r\n' : '250 fine\r\n');
      }
    });
  };
}

/** Says this without end. */
const drip = (socket: Socket, line: string) => {
  const tap = setInterval(() => socket.write(`${line}\r\n`), 5);
  socket.on('close', () => clearInterval(tap));
};

const neverEndsItsGreeting: Behaviour = (socket) => drip(socket, '220-welcome');

const neverEndsItsAnswer: Behaviour = (socket) => {
  socket.write('220 mail.example\r\n');
  socket.once('data', () => drip(socket, '250-EXTENSION'));
};

describe('a mail server that hangs', () => {
  it.each<[string, Behaviour]>([
    ['before its greeting', staysSilent],
    ['within its greeting', neverEndsItsGreeting],
    ['within its answer', neverEndsItsAnswer],
    ['after EHLO', hangsAt('EHLO')],
    ['after MAIL FROM', hangsAt('MAIL')],
    ['after RCPT TO', hangsAt('RCPT')],
    ['after DATA', hangsAt('DATA')],
    ['at the end of the mail', hangsAt('.')],
  ])('%s is left when the time is over', async (_stage, behaviour) => {
    await using server = await startMisbehavingServer(behaviour);
    const limitMs = 300;
    const startedAt = performance.now();
    const outcome = await sendMail(`smtp://127.0.0.1:${server.port}`, { limitMs });
    expect(outcome).toEqual({
      kind: 'failed',
      error: expect.stringMatching(
        /^The mail server 127\.0\.0\.1:\d+ (did not take the mail within 0\.3 s|does not answer)$/,
      ),
      answer: null,
      retryAfterMs: null,
    });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await server.idle();
  });

  it('and takes no connection is left when the time is over', async () => {
    await using hole = await startBlackHole();
    expect(await sendMail(`smtp://127.0.0.1:${hole.port}`, { limitMs: 300 })).toMatchObject({
      kind: 'failed',
      error: expect.stringMatching(/did not take the mail within 0\.3 s$|does not answer$/),
    });
  });

  it('is left when the caller gives up', async () => {
    await using server = await startMisbehavingServer(staysSilent);
    const caller = new AbortController();
    const sending = sendMail(`smtp://127.0.0.1:${server.port}`, { signal: caller.signal });
    await until(() => server.accepted() === 1);
    const abortedAt = performance.now();
    caller.abort();
    expect(await sending).toMatchObject({
      kind: 'failed',
      error: expect.stringMatching(/did not take the mail before the attempt was ended$/),
    });
    expect(performance.now() - abortedAt).toBeLessThan(2_000);
    await server.idle();
  });
});

describe('a mail server that cannot be talked to', () => {
  it('refuses connections', async () => {
    const port = await refusedPort();
    expect(await sendMail(`smtp://127.0.0.1:${port}`)).toMatchObject({
      kind: 'failed',
      error: `The mail server 127.0.0.1:${port} refuses connections`,
    });
  });

  it('hangs up', async () => {
    await using server = await startMisbehavingServer(hangsUpAtOnce);
    expect(await sendMail(`smtp://127.0.0.1:${server.port}`)).toMatchObject({
      kind: 'failed',
      error: expect.stringContaining('closed the connection before it had the mail'),
    });
  });

  it('is unknown to DNS', async () => {
    expect(await sendMail('smtp://mail.invalid:25')).toMatchObject({
      kind: 'failed',
      error: 'The mail server mail.invalid:25 cannot be found in DNS',
    });
  });

  it('has a URL that nobody understands', async () => {
    const url = 'smtp://monitoring:password@127.0.0.1:25?SES=true';
    const outcome = await sendMail(url);
    expect(outcome).toMatchObject({ kind: 'failed', error: expect.stringContaining('cannot be reached') });
    expect(JSON.stringify(outcome)).not.toContain('password');
  });

  it('is a web server', async () => {
    await using server = await startMisbehavingServer((socket) =>
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    const outcome = await sendMail(`smtp://127.0.0.1:${server.port}`);
    expect(outcome).toMatchObject({ kind: 'failed' });
  });
});

describe('encryption', () => {
  const authority = buildAuthority('Trusted Test CA');
  const trusted = buildCertificate({ names: ['127.0.0.1'], issuer: authority });
  const selfSigned = buildCertificate({ names: ['127.0.0.1'] });
  const before = getCACertificates('default');
  beforeAll(() => setDefaultCACertificates([authority.cert]));
  afterAll(() => setDefaultCACertificates(before));

  it('is taken up where a server offers it (STARTTLS)', async () => {
    await using server = await startMailServer({ ...trusted, disabledCommands: [] });
    expect(await sendMail(server.url)).toMatchObject({ kind: 'sent' });
    expect(server.received()[0]?.isEncrypted).toBe(true);
  });

  it('begins with the connection for smtps', async () => {
    await using server = await startMailServer({ ...trusted, secure: true });
    expect(await sendMail(`smtps://127.0.0.1:${server.port}`)).toMatchObject({ kind: 'sent' });
    expect(server.received()[0]?.isEncrypted).toBe(true);
  });

  it.each([
    ['STARTTLS', 'smtp', { disabledCommands: [] }],
    ['smtps', 'smtps', { secure: true }],
  ])('with %s needs a certificate that is trusted', async (_what, scheme, options) => {
    await using server = await startMailServer({ ...selfSigned, ...options });
    const outcome = await sendMail(`${scheme}://127.0.0.1:${server.port}`);
    expect(outcome).toMatchObject({
      kind: 'failed',
      error: expect.stringMatching(/has a certificate that is not trusted \([A-Z_]+\)$/),
    });
    expect(server.received()).toEqual([]);
  });

  it('needs a certificate for that very host', async () => {
    const elsewhere = buildCertificate({ names: ['mail.example'], issuer: authority });
    await using server = await startMailServer({ ...elsewhere, secure: true });
    expect(await sendMail(`smtps://127.0.0.1:${server.port}`)).toMatchObject({
      error: expect.stringMatching(/has a certificate for another host$/),
    });
  });

  it('can be left to SMTP_URL, which may trust any certificate', async () => {
    await using server = await startMailServer({ ...selfSigned, disabledCommands: [] });
    expect(await sendMail(`${server.url}?tls.rejectUnauthorized=false`)).toMatchObject({ kind: 'sent' });
    expect(server.received()[0]?.isEncrypted).toBe(true);
  });

  it.each([
    ['for smtps', (port: number) => `smtps://127.0.0.1:${port}`],
    ['where SMTP_URL insists', (port: number) => `smtp://127.0.0.1:${port}?requireTLS=true`],
  ])('is missed %s when the server speaks none', async (_where, urlOf) => {
    await using server = await startMailServer();
    const outcome = await sendMail(urlOf(server.port));
    expect(outcome).toMatchObject({ kind: 'failed', error: expect.stringContaining('does not speak TLS') });
  });
});
