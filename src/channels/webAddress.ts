import { z } from 'zod';

const MAX_LENGTH = 2_000;

/** An http or https URL without credentials. Whether its host may be contacted is for the address guard to say. */
export const webAddress = z
  .string()
  .trim()
  .superRefine((text, context) => {
    const issue = issueOf(text);
    if (issue === null) return;
    const [type, message] = issue;
    context.addIssue({ code: 'custom', message, params: { type } });
  });

function issueOf(text: string): readonly [type: string, message: string] | null {
  // WHATWG URLs drop tabs and line breaks in silence; whoever sends them means something else.
  const url = /\p{Cc}|\s/u.test(text) ? null : URL.parse(text);
  if (url === null) {
    return [
      'url_parsing',
      'Input should be a valid URL: write it in full, such as https://hooks.example.com/abc',
    ];
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return ['url_scheme', "URL scheme should be 'http' or 'https'"];
  }
  if (url.username !== '' || url.password !== '') {
    return ['url_credentials', 'URL should not contain a user name or password'];
  }
  if (Math.max(text.length, url.href.length) > MAX_LENGTH) {
    return ['url_too_long', `URL should have at most ${MAX_LENGTH} characters`];
  }
  return null;
}

/** A URL as messages may show it: "https://hooks.example". Path and query may be secret. */
export function displayUrl(url: URL): string {
  return `${url.protocol}//${url.host}`;
}

/** Where a channel posts to, for lists: "https://hooks.example/…". */
export function maskedAddress(text: string): string {
  return `${displayUrl(new URL(text))}/…`;
}
