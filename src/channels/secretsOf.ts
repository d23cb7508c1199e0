/** Shorter parts of a path are words such as "services", and are not looked for. */
const SHORTEST_SECRET = 8;

/**
 * What of a request may be a secret and might be repeated in its answer ("Cannot POST /services/T0/B0/…"): path and
 * query as a whole and in parts, each also as it reads without percent signs, and the values of headers.
 */
export function secretsOf(url: URL, headers: Readonly<Record<string, string>> = {}): readonly string[] {
  const parts = [
    ...url.pathname.split('/'),
    ...[...url.searchParams].flat(),
    ...Object.values(headers),
  ].filter((part) => part.length >= SHORTEST_SECRET);
  const wholes = [url.pathname, url.search].filter((whole) => whole.length > 1);
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
