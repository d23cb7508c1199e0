import { z } from 'zod';
import type { SendOutcome } from './channel.ts';
import { isUntrusted } from './connectionFault.ts';
import { excerpt, withoutSecrets } from './excerpt.ts';
import { hideAddresses } from './mailRecipient.ts';
import { decoded } from './secretsOf.ts';

interface SmtpContext {
  /** As `smtpServer` calls it. */
  readonly server: string;
  readonly smtpUrl: string;
  readonly limitMs: number;
  /** The attempt was ended by its time limit, or by its caller. */
  readonly isOver: boolean;
  /** By its caller. */
  readonly isCancelled: boolean;
}

/** What nodemailer adds to its errors. */
const SmtpError = z.object({
  code: z.string().catch(''),
  originalCode: z.string().nullish().catch(null),
  responseCode: z.number().nullish().catch(null),
  response: z.string().nullish().catch(null),
  command: z.string().nullish().catch(null),
});

/** Not logged in, login refused, too weak, encryption needed (RFC 4954, 6). */
const LOGIN_REPLIES = new Set([530, 534, 535, 538]);
/** "Bad sequence of commands" is about the session, not about the mail. */
const BAD_SEQUENCE = 503;

/** "The mail server smtp.example.com:587", without what may be secret in its URL. */
export function smtpServer(smtpUrl: string): string {
  return `The mail server ${URL.parse(smtpUrl)?.host ?? ''}`.trim();
}

/**
 * Says whether a mail may still go: replies 4xx, connections and logins may be mended; 5xx to sender, recipients or
 * mail stay.
 */
export function smtpFailure(error: unknown, context: SmtpContext): SendOutcome {
  const { server, isOver, isCancelled, limitMs, smtpUrl } = context;
  const parsed = SmtpError.safeParse(error);
  const { code, originalCode, responseCode, response, command } = parsed.success
    ? parsed.data
    : NOTHING_KNOWN;
  const reply = responseCode ?? null;
  const answer = typeof response === 'string' ? smtpReply(response, smtpUrl) : null;
  const failed = (words: string): SendOutcome => ({
    kind: 'failed',
    error: `${server} ${words}`,
    answer,
    retryAfterMs: null,
  });
  if (isCancelled) return failed('did not take the mail before the attempt was ended');
  if (isOver) return failed(`did not take the mail within ${limitMs / 1_000} s`);
  if (code === 'EAUTH' || code === 'ENOAUTH' || (reply !== null && LOGIN_REPLIES.has(reply))) {
    return failed(loginWords(reply));
  }
  if (code === 'EENVELOPE' || code === 'EMESSAGE') {
    if (reply !== null && (reply < 500 || reply === BAD_SEQUENCE)) {
      return failed(`does not take the mail now (${reply})`);
    }
    const why = reply === null ? '' : ` (${reply})`;
    return {
      kind: 'refused',
      error: `${server} refuses ${REFUSED[command ?? ''] ?? 'the mail'}${why}`,
      answer,
    };
  }
  if (reply !== null && code !== 'ETLS') return failed(`does not talk to this server now (${reply})`);
  return failed(connectionWords(originalCode ?? code));
}

/** What a command is about. */
const REFUSED: Readonly<Record<string, string>> = {
  'MAIL FROM': 'the sender, SMTP_FROM',
  'RCPT TO': 'the recipients',
};

const NOTHING_KNOWN = { code: '', originalCode: null, responseCode: null, response: null, command: null };

function loginWords(reply: number | null): string {
  if (reply === null)
    return 'cannot be logged in to with what SMTP_URL says: whoever runs this server has to mend it';
  if (reply < 500) return `cannot check the login of SMTP_URL now (${reply})`;
  return reply === 530
    ? 'wants a login or encryption (530): whoever runs this server has to mend SMTP_URL'
    : `does not accept the login of SMTP_URL (${reply}): whoever runs this server has to mend it`;
}

function connectionWords(code: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'refuses connections';
    case 'EDNS':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'cannot be found in DNS';
    case 'ETIMEDOUT':
    case 'ETIMEOUT':
      return 'does not answer';
    case 'ECONNECTION':
    case 'ECONNRESET':
    case 'EPIPE':
      return 'closed the connection before it had the mail';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'has a certificate for another host';
    case 'CERT_HAS_EXPIRED':
      return 'has a certificate that has expired';
    case 'ETLS':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'does not speak TLS as it should';
    default:
      return isUntrusted(code)
        ? `has a certificate that is not trusted (${code})`
        : `cannot be reached (${code === '' ? 'unknown error' : code})`;
  }
}

/** What a mail server said, in short: without addresses, user name and password, which some repeat. */
export function smtpReply(response: string, smtpUrl: string): string {
  // In this order: a password may look like an address, of which a part would stay.
  return excerpt(hideAddresses(withoutSecrets(response, loginSecrets(smtpUrl))));
}

/** As they stand in the URL, as they are, and as they are sent (RFC 4616; AUTH LOGIN sends each by itself). */
function loginSecrets(smtpUrl: string): readonly string[] {
  const url = URL.parse(smtpUrl);
  if (url === null) return [];
  const [user, password] = [decoded(url.username), decoded(url.password)];
  const sent = [user, password, `\0${user}\0${password}`].map((part) => Buffer.from(part).toString('base64'));
  return [url.username, url.password, user, password, ...sent];
}
