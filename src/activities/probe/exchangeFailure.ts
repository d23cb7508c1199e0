import { errors } from 'undici';
import { errorCode, errorText, ownFault, ProbeFailure } from './failure.ts';
import type { Progress } from './progress.ts';
import { tlsReason } from './secure.ts';

/** First byte of a TLS alert or handshake record, which a TLS port answers to plain HTTP. */
const TLS_RECORD = /^[\x15\x16]/;

/** Turns an error of undici, the socket or TLS into what it says about the target. */
export function exchangeFailure(error: unknown, endpoint: string, progress: Progress): ProbeFailure {
  const code = errorCode(error);
  const own = ownFault(code);
  if (own !== null) return own;
  if (error instanceof errors.HTTPParserError) return parserFailure(error, endpoint);
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') {
    return new ProbeFailure('tls', `${endpoint} ended the TLS connection: ${tlsReason(error)}`);
  }
  switch (code) {
    case 'ECONNRESET':
    case 'ECONNABORTED':
    case 'EPIPE':
      return lostConnection('reset', endpoint, progress);
    case 'UND_ERR_SOCKET':
      return unasked(errorText(error, 'message'), endpoint) ?? lostConnection('closed', endpoint, progress);
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return new ProbeFailure('connect', `The route to ${endpoint} was lost (${code})`);
    case 'ETIMEDOUT':
      return new ProbeFailure('timeout', `The connection to ${endpoint} went dead`);
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return progress.statusCode === null
        ? new ProbeFailure('protocol', `The headers of ${endpoint} contradict each other`)
        : brokenOff(endpoint);
    case 'UND_ERR_HEADERS_OVERFLOW':
      return new ProbeFailure('protocol', `The headers of ${endpoint} are larger than 64 KiB`);
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
      return new ProbeFailure(
        'monitor',
        'The request of this target cannot be sent: its method or headers are not valid',
      );
    default:
      // The request is on its way, so what goes wrong now came from the other side.
      return new ProbeFailure(
        'protocol',
        `The answer of ${endpoint} cannot be understood (${code || 'no code'})`,
      );
  }
}

/** undici's words for answers that it does not take. */
function unasked(message: string, endpoint: string): ProbeFailure | null {
  if (message === 'bad response') {
    return new ProbeFailure('protocol', `${endpoint} answered with 100 Continue, which was not asked for`);
  }
  if (!message.startsWith('bad')) return null;
  return new ProbeFailure(
    'protocol',
    `${endpoint} answered with a switch of protocols that was not asked for`,
  );
}

function lostConnection(how: 'reset' | 'closed', endpoint: string, progress: Progress): ProbeFailure {
  if (progress.firstByteMs !== null) return brokenOff(endpoint);
  return new ProbeFailure('connect', `Connection ${how} by ${endpoint} before an answer`);
}

function brokenOff(endpoint: string): ProbeFailure {
  return new ProbeFailure('protocol', `The answer of ${endpoint} broke off before its end`);
}

function parserFailure(error: errors.HTTPParserError, endpoint: string): ProbeFailure {
  // The parser's reason comes in brackets, in llhttp's fixed words; its code is not always there.
  const reason = /\(([^)]*)\)$/.exec(error.message)?.[1] ?? '';
  if (reason.startsWith('Invalid EOF')) return brokenOff(endpoint);
  if (TLS_RECORD.test(errorText(error, 'data'))) {
    return new ProbeFailure('protocol', `${endpoint} speaks TLS: should the URL begin with https?`);
  }
  return new ProbeFailure(
    'protocol',
    `The answer of ${endpoint} is not valid HTTP${reason && `: ${reason}`}`,
  );
}
