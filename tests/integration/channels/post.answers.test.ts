import { describe, expect, it } from '@jest/globals';
import { answer, drips, floods, says, startMisbehavingServer } from '../../support/misbehavingServer.ts';
import { startReceiver } from '../../support/receiver.ts';
import { postTo } from './postTo.ts';

/** What comes of a post that is answered so. */
async function outcomeOf(text: string, path = '/in') {
  await using server = await startMisbehavingServer(says(text));
  const outcome = await postTo(`${server.origin}${path}`);
  return { outcome, accepted: server.accepted() };
}

describe('a post', () => {
  it('arrives to the byte as it was given', async () => {
    const receiver = await startReceiver();
    try {
      const body = '{"text":"Büro 東京 🔥",  "n": 1.0}';
      const outcome = await postTo(`${receiver.origin}/in?key=1`, {
        body,
        secretHeaders: { 'X-Token': 'token' },
      });
      expect(outcome).toEqual({ kind: 'sent', answer: 'HTTP 200 ok' });
      expect(receiver.received).toEqual([
        {
          path: '/in?key=1',
          headers: expect.objectContaining({
            'content-type': 'application/json',
            'content-length': String(Buffer.byteLength(body)),
            'user-agent': expect.stringMatching(/^monitoring-server\/\d/),
            'x-token': 'token',
          }),
          body,
        },
      ]);
    } finally {
      await receiver.close();
    }
  });

  it('leaves no connection behind', async () => {
    await using server = await startMisbehavingServer((socket) => {
      socket.once('data', () => socket.write(answer('200 OK', { Connection: 'keep-alive' }, 'ok')));
    });
    expect(await postTo(server.origin)).toEqual({ kind: 'sent', answer: 'HTTP 200 ok' });
    await server.idle();
  });
});

describe('an answer', () => {
  it.each(['200 OK', '201 Created', '202 Accepted', '204 No Content', '299 Whatever'])(
    '%s says that it was sent',
    async (status) => {
      const { outcome } = await outcomeOf(`HTTP/1.1 ${status}\r\n\r\n`);
      expect(outcome).toEqual({ kind: 'sent', answer: `HTTP ${status.slice(0, 3)}` });
    },
  );

  it.each(['408 Request Timeout', '425 Too Early', '429 Too Many Requests', '500 Oops', '503 Busy'])(
    '%s says that it may be sent later',
    async (status) => {
      const { outcome } = await outcomeOf(answer(status, {}, 'not\r\nnow'));
      expect(outcome).toEqual({
        kind: 'failed',
        error: expect.stringMatching(
          new RegExp(`^http://127\\.0\\.0\\.1:\\d+ answered ${status.slice(0, 3)}$`),
        ),
        answer: `HTTP ${status.slice(0, 3)} not now`,
        retryAfterMs: null,
      });
    },
  );

  it.each([
    ['429 Too Many Requests', '30', 30_000],
    ['503 Busy', '30', 30_000],
    ['429 Too Many Requests', 'Tue, 24 Nov 2026 08:02:00 GMT', 120_000],
    ['503 Busy', 'Tue, 24 Nov 2026 08:02:00 GMT', 120_000],
    ['429 Too Many Requests', '999999', 6 * 3_600_000],
    ['429 Too Many Requests', 'soon', null],
  ])('%s with Retry-After %s says when', async (status, retryAfter, retryAfterMs) => {
    const { outcome } = await outcomeOf(answer(status, { 'Retry-After': retryAfter }));
    expect(outcome).toMatchObject({ kind: 'failed', retryAfterMs });
  });

  it.each([
    '400 Bad Request',
    '401 Unauthorized',
    '403 Forbidden',
    '404 Not Found',
    '410 Gone',
    '418 Teapot',
  ])('%s says that it will never be sent', async (status) => {
    const { outcome } = await outcomeOf(answer(status, { 'Retry-After': '30' }, 'invalid_token'));
    expect(outcome).toEqual({
      kind: 'refused',
      error: expect.stringMatching(new RegExp(`answered ${status.slice(0, 3)}$`)),
      answer: `HTTP ${status.slice(0, 3)} invalid_token`,
    });
  });

  it.each(['301 Moved', '302 Found', '303 See Other', '307 Temporary', '308 Permanent'])(
    '%s leads nowhere',
    async (status) => {
      const { outcome, accepted } = await outcomeOf(answer(status, { Location: '/secret-elsewhere' }));
      expect(outcome).toMatchObject({
        kind: 'refused',
        error: expect.stringMatching(/answered 30\d, a redirect, which is not followed/),
      });
      expect(JSON.stringify(outcome)).not.toContain('elsewhere');
      expect(accepted).toBe(1);
    },
  );

  it('may repeat what it was sent, which is then not told', async () => {
    await using server = await startMisbehavingServer((socket) => {
      socket.once('data', (request: Buffer) => socket.end(answer('404 Not Found', {}, String(request))));
    });
    const outcome = await postTo(`${server.origin}/services/T012/B034/abcdefgh?token=ijklmnop&x=1`, {
      secretHeaders: { Authorization: 'Bearer qrstuvwx', 'X-Key': 'yz0123' },
    });
    expect(outcome).toMatchObject({ kind: 'refused' });
    expect(JSON.stringify(outcome)).not.toMatch(/T012|B034|abcdefgh|ijklmnop|qrstuvwx|yz0123/);
  });

  it('may repeat a token without what stood before it', async () => {
    await using server = await startMisbehavingServer(
      says(answer('403 Forbidden', {}, 'bad token "qrstuvwx"')),
    );
    const outcome = await postTo(server.origin, { secretHeaders: { Authorization: 'Bearer qrstuvwx' } });
    expect(outcome).toMatchObject({ answer: 'HTTP 403 bad token "•••"' });
  });

  it('may repeat what is no secret', async () => {
    await using server = await startMisbehavingServer(says(answer('200 OK', {}, '#12 is resolved')));
    const outcome = await postTo(server.origin, { headers: { 'X-Monitoring-Event': 'resolved' } });
    expect(outcome).toMatchObject({ answer: 'HTTP 200 #12 is resolved' });
  });

  it('without end is kept as far as it is of use', async () => {
    await using server = await startMisbehavingServer(floods);
    const startedAt = performance.now();
    const outcome = await postTo(server.origin);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(outcome).toEqual({ kind: 'sent', answer: expect.stringMatching(/^HTTP 200 x{199}…$/) });
    await server.idle();
  });

  it('that drips on counts by its status when the time is over', async () => {
    for (const [status, kind] of [
      ['200 OK', 'sent'],
      ['503 Busy', 'failed'],
      ['404 Not Found', 'refused'],
    ]) {
      await using server = await startMisbehavingServer(drips(`HTTP/1.1 ${status}\r\n\r\n`, 'x'));
      expect(await postTo(server.origin, {}, { limitMs: 200 })).toMatchObject({
        kind,
        answer: expect.stringMatching(/x \(broke off\)$/),
      });
      await server.idle();
    }
  });

  it('of which the head never ends is none', async () => {
    await using server = await startMisbehavingServer(drips('HTTP/1.1 200 OK\r\n', 'X-More: 1\r\n'));
    expect(await postTo(server.origin, {}, { limitMs: 200 })).toMatchObject({
      kind: 'failed',
      error: `${server.origin} did not answer within 0.2 s`,
    });
    await server.idle();
  });

  it('with a head that is too long is none', async () => {
    const head = `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`;
    expect((await outcomeOf(head)).outcome).toMatchObject({ kind: 'failed', answer: null });
  });

  it('that is not HTTP is none', async () => {
    expect((await outcomeOf('220 mail.example ESMTP\r\n')).outcome).toMatchObject({
      kind: 'failed',
      error: expect.stringMatching(/^The answer of http:\/\/127\.0\.0\.1:\d+ is not valid HTTP$/),
    });
  });

  it('that switches to another protocol is none', async () => {
    const { outcome } = await outcomeOf(
      answer('101 Switching Protocols', { Upgrade: 'x', Connection: 'upgrade' }),
    );
    expect(outcome).toMatchObject({ kind: 'failed' });
  });

  it('may be announced by another', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n';
    expect((await outcomeOf(`${early}${answer('204 No Content')}`)).outcome).toMatchObject({ kind: 'sent' });
  });
});
