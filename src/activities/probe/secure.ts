import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { judgeCertificate } from './certificate.ts';
import type { Connection } from './dial.ts';
import { errorCode, errorText, ownFault, ProbeFailure, ProbeStopped } from './failure.ts';
import { elapsedMs, type Progress } from './progress.ts';

/** Made once, at the first https check: loading the trusted authorities takes longer than a check. */
let sharedContext: SecureContext | undefined;

/** Every handshake is a full one, so that a renewed or broken certificate is seen at once. */
interface TlsOptions {
  /** Name or address, without brackets: what the certificate has to be for. */
  readonly host: string;
  readonly verifyTls: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Speaks TLS over an open connection, and notes when the server's certificate ends before judging it.
 *
 * @throws ProbeFailure of class `tls`; ProbeStopped when aborted. The connection is then unusable.
 */
export function secure(connection: Connection, options: TlsOptions): Promise<TLSSocket> {
  const { host, progress, signal } = options;
  progress.stage = 'connected, in the TLS handshake';
  const startedTick = performance.now();
  return new Promise((resolve, reject) => {
    const socket = startTls(connection.socket, options);
    const end = () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
    };
    const fail = (reason: unknown) => {
      end();
      socket.destroy();
      reject(reason instanceof ProbeFailure ? reason : handshakeFailure(reason, host, connection.endpoint));
    };
    const onError = (error: Error) => fail(error);
    const onAbort = () => {
      end();
      socket.destroy();
      reject(new ProbeStopped());
    };
    // Stays on: see connectFirst.
    socket.on('error', () => undefined);
    socket.once('error', onError);
    socket.once('secureConnect', () => {
      progress.tlsMs = elapsedMs(startedTick);
      const certificate = socket.getPeerX509Certificate();
      if (certificate !== undefined) progress.noteCertificate(certificate.validToDate.getTime());
      const untrusted = options.verifyTls ? judgeCertificate(socket, certificate, host) : null;
      if (untrusted === null) {
        end();
        resolve(socket);
      } else {
        fail(untrusted);
      }
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function startTls(socket: Socket, { host, verifyTls }: TlsOptions): TLSSocket {
  sharedContext ??= createSecureContext();
  return connect({
    socket,
    host,
    // An address must not be sent as a server name (RFC 6066, section 3).
    ...(isIP(host) !== 0 ? {} : { servername: host }),
    secureContext: sharedContext,
    ALPNProtocols: ['http/1.1'],
    // Judged below, after the certificate has been read.
    rejectUnauthorized: false,
    ...(verifyTls ? {} : { checkServerIdentity: () => undefined }),
  });
}

function handshakeFailure(error: unknown, host: string, endpoint: string): ProbeFailure {
  const code = errorCode(error);
  const own = ownFault(code);
  if (own !== null) return own;
  switch (code) {
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'ERR_SSL_HTTP_REQUEST':
      return new ProbeFailure('tls', `${endpoint} does not speak TLS: is it plain http?`);
    case 'ECONNRESET':
    case 'EPIPE':
      return new ProbeFailure('tls', `${endpoint} closed the connection during the TLS handshake`);
    case 'ETIMEDOUT':
      return new ProbeFailure('timeout', `No answer from ${endpoint} to the TLS handshake`);
    default:
      return new ProbeFailure('tls', `TLS handshake with ${host} failed: ${tlsReason(error)}`);
  }
}

/** OpenSSL's own words, "tlsv1 alert protocol version", or the code where it has none. */
export function tlsReason(error: unknown): string {
  return errorText(error, 'reason') || errorCode(error) || 'unknown error';
}
