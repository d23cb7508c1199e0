/**
 * Headers of the connection itself (RFC 9110, 7.6.1 and 8.6), lower-case: the check sets them, so an owner may not,
 * and those that are stored all the same are not sent.
 */
export const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
