import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sendThrough } from '../../../src/channels/channelTypes.ts';
import {
  buildContext,
  buildDelivery,
  buildMessage,
  buildResolved,
  NOTIFICATION_ID,
  NOW,
} from '../../support/buildDelivery.ts';
import { answer, says, startMisbehavingServer } from '../../support/misbehavingServer.ts';
import { startReceiver, type Receiver } from '../../support/receiver.ts';
import { buildPost } from './postTo.ts';

const SECRET = 'sixteen letters or more';
const PATH = '/in/secret-of-the-path?key=secret-of-the-query';
const context = buildContext({ post: buildPost() });

describe('a webhook', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  const send = (more = {}, delivery = buildDelivery()) =>
    sendThrough('webhook', { url: `${receiver.origin}${PATH}`, ...more }, delivery, context);
  const only = () => {
    const [post] = receiver.received;
    if (post === undefined || receiver.received.length > 1) throw new Error('not one post');
    return post;
  };

  it('gets the message as JSON, and what it is about in headers', async () => {
    expect(await send({ headers: { 'X-Token': 'töken' } })).toEqual({ kind: 'sent', answer: 'HTTP 200 ok' });
    const { path, headers, body } = only();
    expect(path).toBe(PATH);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^monitoring-server\//),
      'idempotency-key': NOTIFICATION_ID,
      'x-monitoring-event': 'opened',
      'x-monitoring-timestamp': String(NOW / 1_000),
      'x-token': 'töken',
    });
    expect(headers).not.toHaveProperty('x-monitoring-signature');
    expect(JSON.parse(body)).toMatchObject({
      id: NOTIFICATION_ID,
      event: 'opened',
      incident: { number: 12 },
    });
  });

  it('can tell by the signature that the message is from here', async () => {
    await send({ secret: SECRET }, buildDelivery({ message: buildMessage({ headline: 'Büro 東京 🔥' }) }));
    const { headers, body } = only();
    const signed = `${String(headers['x-monitoring-timestamp'])}.${body}`;
    const expected = createHmac('sha256', SECRET).update(signed).digest('hex');
    expect(headers['x-monitoring-signature']).toBe(`sha256=${expected}`);
    expect(body).toContain('Büro 東京 🔥');
    expect(JSON.stringify([headers, body])).not.toContain(SECRET);
  });

  it('can tell that a message comes again', async () => {
    const delivery = buildDelivery({ message: buildResolved() });
    await send({}, delivery);
    await send({}, { ...delivery, attempt: 2, isPossibleDuplicate: true });
    const keys = receiver.received.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual([NOTIFICATION_ID, NOTIFICATION_ID]);
    expect(receiver.received.map(({ body }): unknown => JSON.parse(body))).toMatchObject([
      { attempt: 1, possible_duplicate: false },
      { attempt: 2, possible_duplicate: true },
    ]);
  });

  it('has got it with any 2xx', async () => {
    for (const status of [200, 201, 202, 204]) {
      receiver.answerWith(status);
      expect(await send()).toMatchObject({ kind: 'sent' });
    }
  });

  it.each([
    [404, 'refused'],
    [302, 'refused'],
    [429, 'failed'],
    [500, 'failed'],
  ])('answers %d: %s, and it is told without a secret', async (status, kind) => {
    const headers = { Authorization: 'Bearer secret-of-the-header' };
    const repeated = `${PATH} secret-of-the-path secret-of-the-query Bearer secret-of-the-header`;
    await using server = await startMisbehavingServer(says(answer(`${status} Whatever`, {}, repeated)));
    const config = { url: `${server.origin}${PATH}`, secret: SECRET, headers };
    const outcome = await sendThrough('webhook', config, buildDelivery(), context);
    expect(outcome).toMatchObject({ kind, error: expect.stringContaining(`answered ${status}`) });
    expect(JSON.stringify(outcome)).not.toMatch(/secret/i);
  });
});
