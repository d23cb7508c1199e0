import type { Delivery, SendOutcome } from '../../../src/channels/channel.ts';
import { createEmail } from '../../../src/channels/email.ts';
import { buildContext, buildDelivery } from '../../support/buildDelivery.ts';

interface Mail {
  readonly to?: readonly string[];
  readonly from?: string;
  readonly delivery?: Delivery;
  readonly limitMs?: number;
  readonly signal?: AbortSignal;
}

/** Sends a mail through the server of `url`, to one recipient and within 5 s unless told otherwise. */
export async function sendMail(
  url: string,
  {
    to = ['ada@example.com'],
    from = 'Monitoring <monitoring@ops.example>',
    delivery = buildDelivery(),
    limitMs = 5_000,
    signal = new AbortController().signal,
  }: Mail = {},
): Promise<SendOutcome> {
  const context = buildContext({ smtp: { url, from }, signal });
  return createEmail({ limitMs }).send(delivery, { to: [...to] }, context);
}
