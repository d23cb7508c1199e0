import { errors } from 'undici';
import { displayUrl } from './webAddress.ts';

/** Why there is no answer, in words that hold no secret. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** Trying again gives the same. */
  readonly isPermanent: boolean;

  constructor(message: string, { isPermanent = false }: { readonly isPermanent?: boolean } = {}) {
    super(message);
    this.isPermanent = isPermanent;
  }
}

/** The code of a system, TLS or undici error, or an empty string. */
export function errorCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** Says what a socket, TLS or undici makes of a server that does not answer. */
export function noAnswer(error: unknown, url: URL): NoAnswer {
  if (error instanceof NoAnswer) return error;
  const origin = displayUrl(url);
  const code = errorCode(error);
  if (error instanceof errors.HTTPParserError)
    return new NoAnswer(`The answer of ${origin} is not valid HTTP`);
  switch (code) {
    case 'ECONNREFUSED':
      return new NoAnswer(`${origin} refuses connections`);
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
      return new NoAnswer(`There is no route to ${origin}`);
    case 'ETIMEDOUT':
      return new NoAnswer(`${origin} does not answer`);
    case 'ECONNRESET':
    case 'ECONNABORTED':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return new NoAnswer(`${origin} closed the connection before it answered`);
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return new NoAnswer(`The certificate of ${origin} is for another host`);
    case 'CERT_HAS_EXPIRED':
      return new NoAnswer(`The certificate of ${origin} has expired`);
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'ERR_SSL_HTTP_REQUEST':
      return new NoAnswer(`${origin} does not speak TLS: is it plain http?`);
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
      return new NoAnswer(`The request to ${origin} cannot be sent: its headers are not valid`, {
        isPermanent: true,
      });
    default:
      return new NoAnswer(
        isUntrusted(code)
          ? `The certificate of ${origin} is not trusted (${code})`
          : `${origin} cannot be reached (${code === '' ? 'unknown error' : code})`,
      );
  }
}

/** OpenSSL's names of what is wrong with a certificate. */
export function isUntrusted(code: string): boolean {
  return /CERT|SELF_SIGNED|^UNABLE_TO_/.test(code);
}
