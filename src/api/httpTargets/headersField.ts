import { z } from 'zod';
import { customIssue } from '../zodIssues.ts';
import { CONNECTION_HEADERS } from '../../domain/connectionHeaders.ts';

const MAX_HEADERS = 50;
const MAX_VALUE_BYTES = 8_192;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Headers that are sent with the check; null sends none of one's own. */
export const headersField = z
  .record(z.string(), z.string())
  .superRefine((headers, context) => {
    const names = Object.keys(headers);
    if (names.length > MAX_HEADERS) {
      context.addIssue(customIssue('too_long', `Headers should have at most ${MAX_HEADERS} entries`));
      return;
    }
    const seen = new Set<string>();
    for (const [name, value] of Object.entries(headers)) {
      const issue = headerIssue(name, value, seen);
      if (issue !== null) context.addIssue(customIssue(issue[0], issue[1], [name]));
      seen.add(name.toLowerCase());
    }
  })
  .nullable();

function headerIssue(name: string, value: string, seen: ReadonlySet<string>): [string, string] | null {
  if (!TOKEN.test(name)) {
    return ['header_name', 'Header name should be letters, digits and hyphens, such as X-Probe'];
  }
  if (seen.has(name.toLowerCase())) {
    return ['header_duplicate', 'Header should be given once, whatever its upper and lower case'];
  }
  if (CONNECTION_HEADERS.has(name.toLowerCase())) {
    return ['header_forbidden', 'Header is set by the check itself: leave it out'];
  }
  if (value.length > MAX_VALUE_BYTES) {
    return ['string_too_long', `Header value should have at most ${MAX_VALUE_BYTES} bytes`];
  }
  if (!VALUE.test(value)) {
    return ['header_value', 'Header value should be Latin-1 text without line breaks or control characters'];
  }
  return null;
}
