import { describe, expect, it } from '@jest/globals';
import type { JsonPost } from '../../../src/channels/post.ts';
import { signature, webhook, type WebhookConfig } from '../../../src/channels/webhook.ts';
import {
  buildContext,
  buildDelivery,
  buildTest,
  INCIDENT_ID,
  NOTIFICATION_ID,
  NOW,
} from '../../support/buildDelivery.ts';

/** What would be posted. */
async function posted(config: Partial<WebhookConfig> = {}, delivery = buildDelivery()): Promise<JsonPost> {
  const posts: JsonPost[] = [];
  const post = (sent: JsonPost) => {
    posts.push(sent);
    return Promise.resolve({ kind: 'sent' as const, answer: 'HTTP 200' });
  };
  await webhook.send(delivery, { url: 'https://hooks.example/in', ...config }, buildContext({ post }));
  const [only] = posts;
  if (only === undefined || posts.length !== 1) throw new Error(`${posts.length} posts, not one`);
  return only;
}

describe('a webhook', () => {
  it('gets the whole message as JSON', async () => {
    const delivery = buildDelivery({ attempt: 2, isPossibleDuplicate: true });
    const { body } = await posted({}, delivery);
    expect(JSON.parse(body)).toEqual({
      id: NOTIFICATION_ID,
      event: 'opened',
      attempt: 2,
      possible_duplicate: true,
      sent_at: '2026-11-24T08:00:00.000Z',
      at: '2026-11-24T07:55:40.000Z',
      severity: 'critical',
      headline: 'shop is down: Connection refused',
      incident: {
        id: INCIDENT_ID,
        number: 12,
        title: 'shop is down: Connection refused',
        opened_at: '2026-11-24T07:55:10.000Z',
        resolved_at: null,
        is_flapping: false,
      },
      counts: { firing: 1, acknowledged: 0, resolved: 0, more: 0 },
      alerts: [
        {
          id: '9d3f0a5e-0000-4000-8000-000000000001',
          source: 'http_target',
          status: 'firing',
          severity: 'critical',
          text: 'shop is down: Connection refused',
          triggered_at: '2026-11-24T07:55:10.000Z',
          resolved_at: null,
          resolution: null,
          temporal_url: 'https://temporal.example/namespaces/default/workflows/http-target-1',
        },
      ],
      text: expect.stringContaining('[CRITICAL] shop is down: Connection refused (#12)'),
    });
  });

  it('gets a test without an incident', async () => {
    const { body } = await posted({}, buildDelivery({ message: buildTest() }));
    expect(JSON.parse(body)).toMatchObject({ event: 'test', incident: null, alerts: [] });
  });

  it('can tell a repeat, and what it is about, by the headers', async () => {
    const { headers, secretHeaders } = await posted({ headers: { 'X-Token': 'token' } });
    expect(secretHeaders).toEqual({ 'X-Token': 'token' });
    expect(headers).toEqual({
      'Idempotency-Key': NOTIFICATION_ID,
      'X-Monitoring-Event': 'opened',
      'X-Monitoring-Timestamp': String(NOW / 1_000),
    });
  });

  it('gets a signature of exactly what is sent, where there is a secret', async () => {
    const secret = 'a secret of the test';
    const { headers, body } = await posted({ secret });
    expect(headers?.['X-Monitoring-Signature']).toBe(`sha256=${signature(secret, NOW / 1_000, body)}`);
  });

  it('can be signed for by anybody with HMAC-SHA256', () => {
    // Of `1764000000.{"id":"n-1"}`, by another implementation.
    expect(signature('a secret of the test', 1_764_000_000, '{"id":"n-1"}')).toBe(
      'c0b08d79103d89219ba0235df16d0dc35c07b23803675ef9457aa6774af689f1',
    );
  });

  it.each<[string, Record<string, string>]>([
    ['a name that is none', { 'X Token': 'a' }],
    ['the same name twice', { 'x-token': 'a', 'X-Token': 'b' }],
    ['a header of the connection', { Connection: 'close' }],
    ['a header of its own', { 'x-monitoring-signature': 'sha256=0' }],
    ['another line in a value', { 'X-Token': 'a\r\nX-Other: b' }],
    ['too many', Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`X-${index}`, 'a']))],
  ])('takes no headers with %s', (_what, headers) => {
    expect(webhook.config.safeParse({ url: 'https://hooks.example/in', headers }).success).toBe(false);
  });
});
