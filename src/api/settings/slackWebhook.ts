import { mergedConfig } from '../../channels/channelTypes.ts';
import type { SecretBox } from '../../db/encryption.ts';
import type { Settings } from '../../db/repositories/clients.ts';
import { unprocessable } from '../errors.ts';

/** @throws SecretUnreadableError */
export function openedSlackWebhook(
  { slackWebhookSealed: sealed }: Pick<Settings, 'slackWebhookSealed'>,
  clientId: string,
  secrets: Pick<SecretBox, 'open'>,
): string | null {
  return sealed === null ? null : secrets.open(sealed, clientId);
}

/**
 * What is to be stored of an address that was sent: nothing new where it is the stored one, masked or not.
 *
 * @throws ApiError 422 for a mask of another address
 */
export function changedSlackWebhook(
  current: Pick<Settings, 'slackWebhookSealed'>,
  sent: string | null,
  clientId: string,
  secrets: SecretBox,
): Partial<Pick<Settings, 'slackWebhookSealed'>> {
  if (sent === null) return { slackWebhookSealed: null };
  const stored = openedSlackWebhook(current, clientId, secrets);
  const kept = stored === null ? null : { webhook_url: stored };
  const { config, strayMasks } = mergedConfig('slack', kept, { webhook_url: sent });
  if (strayMasks.length > 0) {
    const msg = 'A masked value stands for the one that is stored, and this is not its mask: send it in full';
    throw unprocessable([{ loc: ['body', 'slack_webhook_url'], msg, type: 'masked_value' }]);
  }
  return isSame(config, stored) ? {} : { slackWebhookSealed: secrets.seal(sent, clientId) };
}

function isSame(config: unknown, stored: string | null): boolean {
  return (
    typeof config === 'object' && config !== null && 'webhook_url' in config && config.webhook_url === stored
  );
}
