import { z } from 'zod';
import { slack } from '../../channels/slack.ts';
import { webAddress } from '../../channels/webAddress.ts';
import type { AddressGuard } from '../../net/addressGuard.ts';
import { barredUrl } from '../channels/barredUrl.ts';
import { customIssue, toFieldIssues } from '../zodIssues.ts';

const ANY_WEBHOOK = 'https://slack.invalid/any';

/** The address of an incoming webhook whose host, when it is written as an address, may be contacted. */
export function slackWebhookField(guard: AddressGuard) {
  return webAddress
    .superRefine((text, context) => {
      const issue = barredUrl(text, guard);
      if (issue !== null) context.addIssue(customIssue(...issue));
    })
    .meta({ override: { type: 'string', format: 'uri' } });
}

/** By the rules that channels of Slack have for it. */
export const slackChannelNameField = z
  .string()
  .transform((name, context): string => {
    const parsed = slack.config.safeParse({ webhook_url: ANY_WEBHOOK, channel_name: name });
    if (parsed.success) return parsed.data.channel_name ?? z.NEVER;
    for (const { type, msg } of toFieldIssues(parsed.error, 'config')) {
      context.addIssue(customIssue(type, msg));
    }
    return z.NEVER;
  })
  .meta({ override: { type: 'string' } });
