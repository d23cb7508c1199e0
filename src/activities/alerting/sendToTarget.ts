import type { ChannelContext, SendOutcome } from '../../channels/channel.ts';
import { sendThrough } from '../../channels/channelTypes.ts';
import { createPostJson } from '../../channels/post.ts';
import type { SecretBox } from '../../db/encryption.ts';
import type { DeliveryTarget } from '../../db/repositories/alerting/ledger.ts';
import type { Clock } from '../../domain/clock.ts';
import type { AddressGuard } from '../../net/addressGuard.ts';
import type { SendToTarget } from './deliverNotification.ts';

/** Longer than any channel may take. */
const SEND_LIMIT_MS = 20_000;

export interface SendToTargetDeps {
  readonly defaults: {
    readonly stubSlack: boolean;
    readonly slackWebhookUrl: string | null;
    readonly smtp: ChannelContext['smtp'];
  };
  readonly secrets: Pick<SecretBox, 'open'>;
  readonly guard: AddressGuard;
  readonly clock: Clock;
}

/** Opens what is sealed, and sends through the channel's type. */
export function createSendToTarget({ defaults, secrets, guard, clock }: SendToTargetDeps): SendToTarget {
  const post = createPostJson({ guard });
  return async (delivery, target, clientId) => {
    const configured = configOf(target, clientId, defaults, secrets);
    if (configured.kind === 'skipped') return configured;
    const context: ChannelContext = {
      ...{ post, smtp: defaults.smtp, stubSlack: defaults.stubSlack },
      signal: AbortSignal.timeout(SEND_LIMIT_MS),
      now: () => clock.now(),
    };
    return sendThrough(configured.type, configured.config, delivery, context);
  };
}

type Configured =
  | { readonly kind: 'configured'; readonly type: string; readonly config: unknown }
  | Extract<SendOutcome, { kind: 'skipped' }>;

function configOf(
  target: DeliveryTarget,
  clientId: string,
  { slackWebhookUrl, stubSlack }: SendToTargetDeps['defaults'],
  secrets: SendToTargetDeps['secrets'],
): Configured {
  if (target.kind === 'gone') return skipped('skipped_channel_deleted', 'The channel was deleted');
  if (target.kind === 'channel') {
    const config: unknown = JSON.parse(secrets.open(target.sealed, target.channelId));
    return { kind: 'configured', type: target.type, config };
  }
  if (target.type === 'email') return { kind: 'configured', type: 'email', config: { to: [target.to] } };
  const webhookUrl = target.sealed === null ? slackWebhookUrl : secrets.open(target.sealed, clientId);
  if (webhookUrl === null && !stubSlack) {
    return skipped('skipped_not_configured', 'No Slack webhook is configured');
  }
  const channelName = target.channelName === null ? {} : { channel_name: target.channelName };
  return {
    kind: 'configured',
    type: 'slack',
    // A stub needs no address.
    config: { webhook_url: webhookUrl ?? 'https://slack.invalid/stub', ...channelName },
  };
}

function skipped(
  status: Extract<SendOutcome, { kind: 'skipped' }>['status'],
  error: string,
): Extract<SendOutcome, { kind: 'skipped' }> {
  return { kind: 'skipped', status, error };
}
