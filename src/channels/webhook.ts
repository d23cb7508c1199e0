import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { ChannelType } from './channel.ts';
import { maskedAddress, webAddress } from './webAddress.ts';
import { webhookBody } from './webhookBody.ts';
import { webhookHeaders } from './webhookHeaders.ts';

const config = z.strictObject({
  url: webAddress.describe('Where messages are posted as JSON. Secret but for its host: masked in answers.'),
  secret: z
    .string()
    .min(16)
    .max(200)
    .regex(/^[\x20-\x7e]*$/, 'Secret should be printable ASCII')
    .optional()
    .describe('Key of the signature; without it messages are not signed. Masked in answers.'),
  headers: webhookHeaders
    .optional()
    .describe('Sent with each message, at most 20; values are masked in answers.'),
});

export type WebhookConfig = z.output<typeof config>;

/** Any HTTP endpoint: a `WebhookBody` as JSON, signed where there is a secret. */
export const webhook: ChannelType<WebhookConfig> = {
  type: 'webhook',
  config,
  secretFields: ['url', 'secret', 'headers'],
  urlFields: ['url'],
  recipient: ({ url }) => maskedAddress(url),
  async send(delivery, { url, secret, headers }, { post, signal, now }) {
    const sentAt = now();
    const body = JSON.stringify(webhookBody(delivery, sentAt));
    const timestamp = Math.floor(sentAt / 1_000);
    return post({
      url,
      ...(headers === undefined ? {} : { secretHeaders: headers }),
      headers: {
        'Idempotency-Key': delivery.notificationId,
        'X-Monitoring-Event': delivery.message.kind,
        'X-Monitoring-Timestamp': String(timestamp),
        ...(secret === undefined
          ? {}
          : { 'X-Monitoring-Signature': `sha256=${signature(secret, timestamp, body)}` }),
      },
      body,
      signal,
    });
  },
};

/**
 * HMAC-SHA256 of `timestamp.body`, in hex: a receiver computes it over the bytes that it got, compares it, and
 * refuses a timestamp that is old.
 *
 * @param timestamp UNIX seconds
 */
export function signature(secret: string, timestamp: number, body: string): string {
  return createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
}
