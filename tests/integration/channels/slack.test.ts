import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sendThrough } from '../../../src/channels/channelTypes.ts';
import type { SlackMessage } from '../../../src/channels/slackMessage.ts';
import { createAddressGuard } from '../../../src/net/addressGuard.ts';
import { buildAlert, buildContext, buildDelivery, buildMessage } from '../../support/buildDelivery.ts';
import { answer, says, startMisbehavingServer } from '../../support/misbehavingServer.ts';
import { startReceiver, type Receiver } from '../../support/receiver.ts';
import { buildPost } from './postTo.ts';

const PATH = '/services/T012/B034/secret-of-the-webhook';
const context = buildContext({ post: buildPost() });

describe('a message to Slack', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  const configOf = (more = {}) => ({ webhook_url: `${receiver.origin}${PATH}`, ...more });
  const arrived = (): SlackMessage[] => receiver.received.map(({ body }) => JSON.parse(body) as SlackMessage);

  it('arrives as Slack wants it', async () => {
    const outcome = await sendThrough('slack', configOf(), buildDelivery(), context);
    expect(outcome).toEqual({ kind: 'sent', answer: 'HTTP 200 ok' });
    expect(receiver.received).toMatchObject([
      { path: PATH, headers: { 'content-type': 'application/json' } },
    ]);
    expect(arrived()).toMatchObject([
      {
        text: '[CRITICAL] shop is down: Connection refused (#12)',
        blocks: [{ type: 'header' }],
        attachments: [{ color: '#d93f3f', blocks: [{ type: 'section' }, { type: 'context' }] }],
      },
    ]);
    expect(arrived()[0]).not.toHaveProperty('channel');
  });

  it('names the channel of a legacy webhook', async () => {
    await sendThrough('slack', configOf({ channel_name: '#ops' }), buildDelivery(), context);
    expect(arrived()).toMatchObject([{ channel: '#ops' }]);
  });

  it.each([200, 204])('counts as sent when it is answered with %d', async (status) => {
    receiver.answerWith(status);
    const outcome = await sendThrough('slack', configOf(), buildDelivery(), context);
    expect(outcome).toMatchObject({ kind: 'sent' });
  });

  it('is not sent at all where Slack is only played', async () => {
    const outcome = await sendThrough(
      'slack',
      configOf(),
      buildDelivery(),
      buildContext({ post: buildPost(), stubSlack: true }),
    );
    expect(outcome).toEqual({ kind: 'sent', answer: 'stub: not sent (STUB_SLACK)' });
    expect(receiver.received).toEqual([]);
  });

  it('calls nobody and links nowhere, whatever a target is called', async () => {
    const name = '<!channel> <!here> <@U012> <#C012> <https://evil.example|click> & @channel';
    const message = buildMessage({ headline: `${name} is down`, alerts: [buildAlert({ text: name })] });
    await sendThrough('slack', configOf(), buildDelivery({ message }), context);
    const [sent] = arrived();
    const shown = [
      sent?.text,
      sent?.attachments?.[0].fallback,
      JSON.stringify(sent?.attachments?.[0].blocks),
    ].join();
    expect(shown).toContain('&lt;!channel&gt; &lt;!here&gt; &lt;@U012&gt;');
    expect(shown).not.toMatch(/<[!@#]|evil\.example\|click>/);
    // Plain text is not looked at for mentions; all else says that it is not to be.
    expect(sent?.blocks).toMatchObject([{ type: 'header', text: { type: 'plain_text' } }]);
    expect(shown.match(/"mrkdwn"/g)?.length).toBe(shown.match(/"verbatim":true/g)?.length);
  });

  it('keeps within the limits of Slack with 20 long alerts', async () => {
    const long = '<&>'.repeat(2_000);
    const alerts = Array.from({ length: 20 }, () =>
      buildAlert({ text: long, resolution: long, temporalUrl: `https://t.example/${'&'.repeat(190)}` }),
    );
    const message = buildMessage({
      ...{ headline: long, alerts },
      counts: { firing: 1_000, acknowledged: 0, resolved: 0 },
    });
    await sendThrough('slack', configOf(), buildDelivery({ message, isPossibleDuplicate: true }), context);
    const [sent] = arrived();
    const [header] = sent?.blocks ?? [];
    expect(header?.type === 'header' && header.text.text.length).toBeLessThanOrEqual(150);
    const details = sent?.attachments?.[0].blocks ?? [];
    expect(details.length).toBeLessThan(50);
    const sections = details.flatMap((block) => (block.type === 'section' ? [block.text.text] : []));
    for (const text of sections) expect(text.length).toBeLessThanOrEqual(3_000);
    expect(sections.join('\n').match(/\*Critical\*/g)).toHaveLength(20);
    expect(JSON.stringify(details)).toContain('+980 more');
  });

  it('is not sent to where nobody may be contacted', async () => {
    const post = buildPost({ guard: createAddressGuard({ blockPrivate: true }) });
    const outcome = await sendThrough('slack', configOf(), buildDelivery(), buildContext({ post }));
    expect(outcome).toMatchObject({
      kind: 'refused',
      error: expect.stringContaining('127.0.0.1 may not be contacted'),
    });
    expect(receiver.received).toEqual([]);
  });
});

describe('Slack', () => {
  it.each([
    ['404 Not Found', 'no_service', 'refused'],
    ['403 Forbidden', 'invalid_token', 'refused'],
    ['410 Gone', 'channel_is_archived', 'refused'],
    ['400 Bad Request', 'invalid_blocks', 'refused'],
    ['500 Server Error', 'rollup_error', 'failed'],
  ])('says %s %s, which is told without the secret', async (status, text, kind) => {
    await using server = await startMisbehavingServer(
      says(answer(status, {}, `${text} (${PATH}, secret-of-the-webhook)`)),
    );
    const config = { webhook_url: `${server.origin}${PATH}` };
    const outcome = await sendThrough('slack', config, buildDelivery(), context);
    expect(outcome).toMatchObject({
      kind,
      error: `${server.origin} answered ${status.slice(0, 3)}`,
      answer: `HTTP ${status.slice(0, 3)} ${text} (•••, •••)`,
    });
  });

  it('asks for a pause, which is told', async () => {
    await using server = await startMisbehavingServer(
      says(answer('429 Too Many Requests', { 'Retry-After': '30' }, 'rate_limited')),
    );
    const config = { webhook_url: `${server.origin}${PATH}` };
    expect(await sendThrough('slack', config, buildDelivery(), context)).toMatchObject({
      kind: 'failed',
      retryAfterMs: 30_000,
    });
  });
});
