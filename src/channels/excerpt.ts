import { cut } from '../domain/cut.ts';

const MAX_EXCERPT = 200;

/** What stands where a secret stood. */
const HIDDEN = '•••';

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
