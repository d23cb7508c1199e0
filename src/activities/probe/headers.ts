import { validateHeaderName, validateHeaderValue } from 'node:http';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ProbeFailure } from './failure.ts';
import { CONNECTION_HEADERS } from '../../domain/connectionHeaders.ts';

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')));

/** What every request carries unless its owner says otherwise. */
export const DEFAULT_HEADERS: ReadonlyMap<string, string> = new Map([
  ['user-agent', `monitoring-server/${version}`],
  ['accept', '*/*'],
]);

/**
 * The headers of a check's first request: the defaults, Basic authentication from the URL, and above both
 * what the owner set. Headers of the connection itself (content-length, upgrade and the like) are left out.
 *
 * @returns names in lower case.
 * @throws ProbeFailure of class `monitor` when a header cannot be sent; its value is not told.
 */
export function headersOf(url: URL, given: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const headers = new Map(DEFAULT_HEADERS);
  if (url.username !== '' || url.password !== '') headers.set('authorization', basicAuthorization(url));
  for (const [name, value] of Object.entries(given)) {
    if (!isSendable(name, value)) {
      throw new ProbeFailure('monitor', `The header "${name.slice(0, 100)}" of this target cannot be sent`);
    }
    const key = name.toLowerCase();
    if (!CONNECTION_HEADERS.has(key)) headers.set(key, value);
  }
  return headers;
}

function isSendable(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

function basicAuthorization(url: URL): string {
  const credentials = `${decoded(url.username)}:${decoded(url.password)}`;
  return `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
