/**
 * The form in which two URLs are compared: WHATWG URL, default port and fragment dropped, query order and
 * trailing slash kept.
 *
 * @throws TypeError when the text is no URL
 */
export function normalizeTargetUrl(text: string): string {
  const url = new URL(text);
  url.hash = '';
  return url.href;
}
