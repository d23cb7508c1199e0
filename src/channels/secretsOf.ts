/** Shorter parts of a path are words such as "hooks", and are not looked for. */
const SHORTEST_SECRET = 8;
/** Shorter values of headers are words such as "yes". */
const SHORTEST_VALUE = 4;

/**
 * What of a request may be a secret and might be repeated in its answer ("Cannot POST /services/T0/B0/…"): path and
 * query as a whole and in parts, each also as it reads without percent signs, and the values of headers, also without
 * the words around a token ("Bearer").
 *
 * @param headers those that users gave
 */
export function secretsOf(url: URL, headers: Readonly<Record<string, string>> = {}): readonly string[] {
  const values = Object.values(headers);
  const parts = [
    ...url.pathname.split('/'),
    ...url.search.slice(1).split(/[&=]/),
    ...[...url.searchParams].flat(),
    ...values.flatMap((value) => value.split(/\s+/)),
  ].filter((part) => part.length >= SHORTEST_SECRET);
  const wholes = [
    ...[url.pathname, url.search].filter((whole) => whole.length > 1),
    ...values.filter((value) => value.length >= SHORTEST_VALUE),
  ];
  return [...wholes, ...parts].flatMap((secret) => [secret, decoded(secret)]);
}

/** Without percent signs, or as it is where they mean nothing. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
