import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { ProbeFailure } from './failure.ts';

/**
 * Says why a certificate is not to be trusted, from what OpenSSL and Node found in the handshake.
 *
 * @returns null when it is.
 */
export function judgeCertificate(
  socket: TLSSocket,
  certificate: X509Certificate | undefined,
  host: string,
): ProbeFailure | null {
  if (socket.authorized) return null;
  return new ProbeFailure('tls', describe(String(socket.authorizationError), certificate, host));
}

/** @param code OpenSSL's name of the fault; `authorizationError` is typed as an Error and is that string. */
function describe(code: string, certificate: X509Certificate | undefined, host: string): string {
  if (certificate === undefined) return `${host} shows no certificate`;
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return certificate.validToDate.getTime() < Date.now()
        ? `Certificate of ${host} expired on ${day(certificate.validToDate)}`
        : `A certificate in the chain of ${host} has expired`;
    case 'CERT_NOT_YET_VALID':
      return certificate.validFromDate.getTime() > Date.now()
        ? `Certificate of ${host} is not valid before ${day(certificate.validFromDate)}`
        : `A certificate in the chain of ${host} is not yet valid`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `Certificate is not for ${host} but for ${namesOf(certificate)}`;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return `Certificate of ${host} is self-signed`;
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return `Certificate of ${host} is issued by an authority that is not trusted`;
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `Certificate of ${host} is not trusted: its issuer is unknown or an intermediate certificate is missing`;
    default:
      return `Certificate of ${host} is not trusted (${code})`;
  }
}

/** Some certificates are for hundreds of names. */
function namesOf(certificate: X509Certificate): string {
  const names = (certificate.subjectAltName ?? '')
    .split(', ')
    .map((name) => name.replace(/^(DNS|IP Address):/, ''))
    .filter((name) => name !== '');
  if (names.length === 0) return 'no name at all';
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
