import { describe, expect, it } from '@jest/globals';
import { smtpReply, startMailServer } from '../../support/mailServer.ts';
import { sendMail } from './sendMail.ts';

const GREYLISTED = smtpReply(450, 'greylisted, try again later');
const UNKNOWN = smtpReply(550, '5.1.1 no such user <ada@example.com>');

describe('a mail server that refuses', () => {
  it.each([
    [
      'every connection for now',
      { onConnect: (_session: unknown, callback: Callback) => callback(smtpReply(421, 'too busy')) },
      { kind: 'failed', error: /does not talk to this server now \(421\)$/ },
    ],
    [
      'the sender for good',
      {
        onMailFrom: (_from: unknown, _session: unknown, callback: Callback) => callback(smtpReply(553, 'no')),
      },
      { kind: 'refused', error: /refuses the sender, SMTP_FROM \(553\)$/ },
    ],
    [
      'the recipient for now (greylisting)',
      { onRcptTo: (_to: unknown, _session: unknown, callback: Callback) => callback(GREYLISTED) },
      { kind: 'failed', error: /does not take the mail now \(450\)$/ },
    ],
    [
      'the recipient for good',
      { onRcptTo: (_to: unknown, _session: unknown, callback: Callback) => callback(UNKNOWN) },
      { kind: 'refused', error: /refuses the recipients \(550\)$/ },
    ],
    ['the mail for now', takesNoMail(smtpReply(452, 'no space')), { kind: 'failed', error: /now \(452\)$/ }],
    [
      'the mail for good',
      takesNoMail(smtpReply(554, 'looks like spam')),
      { kind: 'refused', error: /refuses the mail \(554\)$/ },
    ],
  ])('%s', async (_what, options, { kind, error }) => {
    await using server = await startMailServer(options);
    const outcome = await sendMail(server.url);
    expect(outcome).toMatchObject({ kind, error: expect.stringMatching(error) });
    expect(outcome).toMatchObject({ error: expect.stringContaining(`127.0.0.1:${server.port}`) });
  });

  it('is quoted in short, without the whole address', async () => {
    await using server = await startMailServer({
      onRcptTo: (_to, _session, callback) => callback(UNKNOWN),
    });
    expect(await sendMail(server.url)).toMatchObject({
      answer: '550 5.1.1 no such user <a•••@example.com>',
    });
  });

  it('some recipients has sent it to the others, and how many is told', async () => {
    await using server = await startMailServer({
      onRcptTo: ({ address }, _session, callback) =>
        address === 'ada@example.com' ? callback() : callback(UNKNOWN),
    });
    const outcome = await sendMail(server.url, {
      to: ['bob@example.com', 'ada@example.com', 'eve@example.com'],
    });
    expect(outcome).toEqual({ kind: 'sent', answer: '250 queued as 1; 2 of 3 recipients refused' });
    expect(server.received()[0]?.to).toEqual(['ada@example.com']);
  });

  it('one recipient for good and the other for now may take it later', async () => {
    await using server = await startMailServer({
      onRcptTo: ({ address }, _session, callback) =>
        callback(address === 'ada@example.com' ? GREYLISTED : UNKNOWN),
    });
    expect(await sendMail(server.url, { to: ['ada@example.com', 'bob@example.com'] })).toMatchObject({
      kind: 'failed',
      error: expect.stringContaining('does not take the mail now (450)'),
    });
  });
});

describe('a mail server that wants a login', () => {
  const PASSWORD = 'p@ss/word of SMTP';
  const AUTH_PLAIN = btoa(`\0alerts\0${PASSWORD}`);
  const login = `alerts:${encodeURIComponent(PASSWORD)}`;

  it('gets the one of SMTP_URL', async () => {
    await using server = await startMailServer({
      authOptional: false,
      onAuth: ({ username, password }, _session, callback) =>
        callback(null, password === PASSWORD ? { user: username } : {}),
    });
    expect(await sendMail(`smtp://${login}@127.0.0.1:${server.port}`)).toMatchObject({ kind: 'sent' });
    expect(server.received()[0]?.user).toBe('alerts');
  });

  it.each([
    [535, /does not accept the login of SMTP_URL \(535\): whoever runs this server has to mend it$/],
    [454, /cannot check the login of SMTP_URL now \(454\)$/],
  ])('and answers it with %d is the fault of whoever runs this, and can be mended', async (code, error) => {
    await using server = await startMailServer({
      authOptional: false,
      onAuth: ({ username, password }, _session, callback) =>
        callback(smtpReply(code, `not ${username} with ${password}, ${btoa(PASSWORD)}, ${AUTH_PLAIN}`)),
    });
    const outcome = await sendMail(`smtp://${login}@127.0.0.1:${server.port}`);
    expect(outcome).toMatchObject({ kind: 'failed', error: expect.stringMatching(error) });
    expect(outcome).toMatchObject({ answer: `${code} not ••• with •••, •••, •••` });
  });

  it('and gets none says so', async () => {
    await using server = await startMailServer({ authOptional: false });
    expect(await sendMail(server.url)).toMatchObject({
      kind: 'failed',
      error: expect.stringContaining('wants a login or encryption (530)'),
    });
  });
});

type Callback = (error?: Error | null) => void;

/** Reads the mail to its end, and refuses it then. */
function takesNoMail(refusal: Error): Parameters<typeof startMailServer>[0] {
  return {
    onData: (stream, _session, callback) => {
      stream.on('end', () => callback(refusal));
      stream.resume();
    },
  };
}
