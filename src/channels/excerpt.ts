const MAX_EXCERPT = 200;

/** What stands where a secret stood. */
const HIDDEN = '•••';

/** At most `max` UTF-16 units, the last of them an ellipsis where something is missing; no half characters. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Without control and formatting characters, line breaks, and runs of blanks. */
export function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
}

/**
 * What a provider said, short enough to be kept: one line of at most 200 characters.
 *
 * @param secrets what must not stand in it, for many servers repeat what they were sent; empty texts are ignored
 */
export function excerpt(text: string, secrets: readonly string[] = []): string {
  return cut(oneLine(withoutSecrets(text, secrets)), MAX_EXCERPT);
}

/** Each secret, wherever it stands, as "•••"; empty ones are ignored. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  // The longest first: one secret may be a part of another.
  return secrets
    .filter((secret) => secret !== '')
    .toSorted((a, b) => b.length - a.length)
    .reduce((hidden, secret) => hidden.replaceAll(secret, HIDDEN), text);
}
