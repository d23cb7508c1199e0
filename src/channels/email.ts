import { createTransport, type SendMailOptions } from 'nodemailer';
import { z } from 'zod';
import type { ChannelContext, ChannelType, Delivery, SendOutcome } from './channel.ts';
import { mailHeaders, mailSubject } from './mailHeaders.ts';
import { mailHtml } from './mailHtml.ts';
import { maskedRecipients } from './mailRecipient.ts';
import { smtpFailure, smtpReply, smtpServer } from './smtpFailure.ts';
import { plainText } from './words.ts';

const MAX_RECIPIENTS = 20;

const address = z.email().max(320);
const config = z.strictObject({
  to: z
    .union([address, z.array(address).min(1).max(MAX_RECIPIENTS)], {
      error: `Input should be 1 to ${MAX_RECIPIENTS} mail addresses, each like name@example.com`,
    })
    .transform((to) => (typeof to === 'string' ? [to] : [...new Set(to)]))
    .describe('One address, or a list of at most 20. All of them see each other.'),
});

export type EmailConfig = z.output<typeof config>;

const LIMIT_MS = 15_000;
const CONNECTING_MS = 8_000;

/** Mail through the SMTP server of the installation. */
export const email = createEmail();

/** @param options.limitMs for everything together, from DNS to the server's last word; 15 s unless given */
export function createEmail({ limitMs = LIMIT_MS } = {}): ChannelType<EmailConfig> {
  return {
    type: 'email',
    config,
    secretFields: [],
    urlFields: [],
    recipient: ({ to }) => maskedRecipients(to),
    async send(delivery, { to }, context) {
      if (context.smtp === null) {
        return { kind: 'skipped', status: 'skipped_not_configured', error: 'SMTP_URL is not set' };
      }
      return sendMail(delivery, to, { smtp: context.smtp, limitMs, signal: context.signal });
    },
  };
}

interface Sending {
  readonly smtp: NonNullable<ChannelContext['smtp']>;
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

async function sendMail(
  delivery: Delivery,
  to: readonly string[],
  { smtp, limitMs, signal }: Sending,
): Promise<SendOutcome> {
  const { message, isPossibleDuplicate } = delivery;
  // Aborted by whichever comes first, the time limit or the caller.
  const over = new AbortController();
  const onCancel = () => over.abort();
  const limit = setTimeout(onCancel, limitMs);
  signal.addEventListener('abort', onCancel, { once: true });
  if (signal.aborted) onCancel();
  try {
    const { accepted, rejected, response } = await handOver(smtp.url, limitMs, {
      from: smtp.from,
      to: [...to],
      subject: mailSubject(message),
      text: plainText(message, isPossibleDuplicate),
      html: mailHtml(message, isPossibleDuplicate),
      ...mailHeaders(delivery, smtp.from),
      signal: over.signal,
    });
    const refused =
      rejected.length === 0
        ? ''
        : `; ${rejected.length} of ${accepted.length + rejected.length} recipients refused`;
    return { kind: 'sent', answer: `${smtpReply(response, smtp.url)}${refused}` };
  } catch (error) {
    return smtpFailure(error, {
      server: smtpServer(smtp.url),
      smtpUrl: smtp.url,
      limitMs,
      isOver: over.signal.aborted,
      isCancelled: signal.aborted,
    });
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', onCancel);
  }
}

/** @throws what nodemailer says of a server that does not take the mail, or of a URL that it makes nothing of */
async function handOver(url: string, limitMs: number, mail: SendMailOptions) {
  const transport = createTransport({
    url,
    dnsTimeout: Math.min(CONNECTING_MS, limitMs),
    connectionTimeout: Math.min(CONNECTING_MS, limitMs),
    greetingTimeout: Math.min(CONNECTING_MS, limitMs),
    socketTimeout: limitMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    return await transport.sendMail(mail);
  } finally {
    transport.close();
  }
}
