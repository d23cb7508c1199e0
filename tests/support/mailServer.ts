import { simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A mail as it arrived. */
export interface ReceivedMail {
  /** Whom the envelope names. */
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly messageId: string;
  readonly inReplyTo: string | null;
  /** The head as it was sent, one header a line. */
  readonly headers: readonly string[];
  /** It came over TLS. */
  readonly isEncrypted: boolean;
  /** Who logged in, or null. */
  readonly user: string | null;
}

/** A real mail server on a free port of 127.0.0.1. */
export interface MailServer extends AsyncDisposable {
  /** Without encryption: `smtp://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  received(): readonly ReceivedMail[];
  /** Connections that are open. */
  connected(): number;
  close(): Promise<void>;
}

/** For callbacks of `SMTPServerOptions`: the reply `450 greylisted`. */
export function smtpReply(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

/** Takes every mail, without login and encryption, unless `options` say otherwise. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 1,
    onData(stream, { envelope, secure, user }, callback) {
      simpleParser(stream).then(
        (mail) => {
          mails.push({
            to: envelope.rcptTo.map(({ address }) => address),
            ...{ subject: mail.subject ?? '', text: mail.text ?? '', html: mail.html || '' },
            ...{ messageId: mail.messageId ?? '', inReplyTo: mail.inReplyTo ?? null },
            headers: mail.headerLines.map(({ line }) => line.replace(/\r?\n\s+/g, ' ')),
            ...{ isEncrypted: secure, user: typeof user === 'string' ? user : null },
          });
          callback(null, `queued as ${mails.length}`);
        },
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
      );
    },
    ...options,
  });
  // Clients that hang up in the middle are what some tests are about.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.server.address();
  if (address === null || typeof address === 'string') throw new Error('The mail server has no port');
  const close = () => new Promise<void>((resolve) => server.close(resolve));
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    port: address.port,
    received: () => mails,
    connected: () => server.connections.size,
    close,
    [Symbol.asyncDispose]: close,
  };
}
