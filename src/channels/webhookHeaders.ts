import { z } from 'zod';
import { CONNECTION_HEADERS } from '../domain/connectionHeaders.ts';

const MAX_HEADERS = 20;
const MAX_VALUE_LENGTH = 2_000;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What the post itself says, and whatever begins with X-Monitoring-. */
const OWN_HEADERS = new Set(['content-type', 'host', 'idempotency-key', 'user-agent']);

/** Headers that are sent with each message. */
export const webhookHeaders = z.record(z.string(), z.string()).superRefine((headers, context) => {
  const entries = Object.entries(headers);
  const add = ([type, message]: readonly [string, string], path: string[]) =>
    context.addIssue({ code: 'custom', message, path, params: { type } });
  if (entries.length > MAX_HEADERS) {
    add(['too_long', `Headers should have at most ${MAX_HEADERS} entries`], []);
    return;
  }
  const seen = new Set<string>();
  for (const [name, value] of entries) {
    const issue = issueOf(name, value, seen);
    if (issue !== null) add(issue, [name]);
    seen.add(name.toLowerCase());
  }
});

function issueOf(name: string, value: string, seen: ReadonlySet<string>): readonly [string, string] | null {
  const lower = name.toLowerCase();
  if (!TOKEN.test(name)) {
    return ['header_name', 'Header name should be letters, digits and hyphens, such as X-Token'];
  }
  if (seen.has(lower)) {
    return ['header_duplicate', 'Header should be given once, whatever its upper and lower case'];
  }
  if (CONNECTION_HEADERS.has(lower) || OWN_HEADERS.has(lower) || lower.startsWith('x-monitoring-')) {
    return ['header_forbidden', 'Header is set by the webhook itself: leave it out'];
  }
  if (value.length > MAX_VALUE_LENGTH) {
    return ['string_too_long', `Header value should have at most ${MAX_VALUE_LENGTH} bytes`];
  }
  if (!VALUE.test(value)) {
    return ['header_value', 'Header value should be Latin-1 text without line breaks or control characters'];
  }
  return null;
}
