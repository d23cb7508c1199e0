import { z } from 'zod';
import type { ChannelType } from './channel.ts';
import { slackMessage } from './slackMessage.ts';
import { maskedAddress, webAddress } from './webAddress.ts';

const config = z.strictObject({
  webhook_url: webAddress.describe('Address of an incoming webhook. Secret: masked in answers.'),
  channel_name: z
    .string()
    .trim()
    .min(1)
    .max(80)
    .regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'Channel name should be one line without control characters')
    .optional()
    .describe('For legacy webhooks, which can post to any channel: "#ops". Others post to their own.'),
});

export type SlackConfig = z.output<typeof config>;

/** Slack, and whatever takes the messages of its incoming webhooks. */
export const slack: ChannelType<SlackConfig> = {
  type: 'slack',
  config,
  secretFields: ['webhook_url'],
  urlFields: ['webhook_url'],
  recipient: ({ webhook_url: url }) => maskedAddress(url),
  async send(delivery, { webhook_url: url, channel_name: channel }, { post, stubSlack, signal }) {
    if (stubSlack) return { kind: 'sent', answer: 'stub: not sent (STUB_SLACK)' };
    const message = slackMessage(delivery);
    const body = JSON.stringify(channel === undefined ? message : { channel, ...message });
    return post({ url, body, signal });
  },
};
