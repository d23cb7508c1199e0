import { domainToASCII } from 'node:url';
import type { IncidentMessage } from '../domain/incidentMessage.ts';
import type { Delivery } from './channel.ts';
import { titleLine } from './words.ts';

/** What makes one thread of the mails about an incident. */
export interface MailHeaders {
  /** The same in every attempt: mail clients drop what they have. */
  readonly messageId: string;
  readonly inReplyTo?: string;
  readonly references?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The first mail about an incident is called by it, all others answer that one (RFC 5322, 3.6.4), also where it went
 * to somebody else. No program shall answer them (RFC 3834).
 *
 * @param from as in SMTP_FROM, "Monitoring <monitoring@example.com>"
 */
export function mailHeaders(delivery: Delivery, from: string): MailHeaders {
  const { notificationId, message, isPossibleDuplicate } = delivery;
  const { kind, incident } = message;
  const domain = domainOf(from);
  const headers = {
    'Auto-Submitted': 'auto-generated',
    ...(incident === null ? {} : { 'X-Incident': String(incident.number) }),
    ...(isPossibleDuplicate ? { 'X-Possible-Duplicate': 'yes' } : {}),
  };
  const own = `<notification.${notificationId}@${domain}>`;
  if (incident === null) return { messageId: own, headers };
  const first = `<incident.${incident.id}@${domain}>`;
  if (kind === 'opened') return { messageId: first, headers };
  return { messageId: own, inReplyTo: first, references: first, headers };
}

/**
 * "[CRITICAL] shop is down: Connection refused (#12)": after the label the same for the whole thread, which some
 * clients would cut in two otherwise. What has changed is said in the mail.
 */
export function mailSubject(message: IncidentMessage): string {
  return titleLine({ ...message, headline: message.incident?.title ?? message.headline });
}

function domainOf(from: string): string {
  const [, domain = ''] = /@([^\s<>@"]+)>?\s*$/.exec(from) ?? [];
  return domainToASCII(domain) || 'localhost';
}
