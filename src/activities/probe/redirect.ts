import type { Answer } from './exchange.ts';
import { displayUrl, ProbeFailure } from './failure.ts';
import { DEFAULT_HEADERS } from './headers.ts';
import type { Hop } from './request.ts';

const REDIRECT_CODES = new Set([301, 302, 303, 307, 308]);

export function isRedirect(statusCode: number): boolean {
  return REDIRECT_CODES.has(statusCode);
}

/**
 * What a browser would ask for next (Fetch standard, "HTTP-redirect fetch"): 303, and 301 or 302 to a POST,
 * turn into a GET without a body; the others repeat method and body. Another origin is told nothing that
 * the owner set: no credentials, no cookies, no header but the type of a body that is sent again.
 *
 * @throws ProbeFailure of class `protocol` when the answer does not say where to go, or not to http(s).
 */
export function redirectedHop(hop: Hop, answer: Answer): Hop {
  const url = redirectTarget(hop, answer);
  const { statusCode } = answer;
  const becomesGet =
    (statusCode === 303 && hop.method !== 'GET' && hop.method !== 'HEAD') ||
    ((statusCode === 301 || statusCode === 302) && hop.method === 'POST');
  const headers = new Map(url.origin === hop.url.origin ? hop.headers : DEFAULT_HEADERS);
  if (becomesGet) {
    for (const name of [...headers.keys()]) if (name.startsWith('content-')) headers.delete(name);
    return { url, method: 'GET', headers, body: null };
  }
  const contentType = hop.headers.get('content-type');
  if (hop.body !== null && contentType !== undefined) headers.set('content-type', contentType);
  return { url, method: hop.method, headers, body: hop.body };
}

function redirectTarget(hop: Hop, { statusCode, location }: Answer): URL {
  if (location === null) {
    throw new ProbeFailure(
      'protocol',
      `${displayUrl(hop.url)} answered ${statusCode} without saying where to go`,
    );
  }
  const url = URL.parse(location, hop.url.href);
  if (url === null) {
    throw new ProbeFailure(
      'protocol',
      `${displayUrl(hop.url)} answered ${statusCode} with a Location that is no URL`,
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new ProbeFailure(
      'protocol',
      `${displayUrl(hop.url)} redirects to a ${url.protocol} URL, which is not http or https`,
    );
  }
  return url;
}
