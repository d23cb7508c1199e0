import type { FieldIssue } from './errors.ts';

const MAX_DEPTH = 64;

/**
 * Finds what no string of ours may hold because Postgres stores neither: NUL characters and halves of
 * surrogate pairs. Also refuses fields named `__proto__` and nesting that nobody means.
 *
 * @param part `body` or `query`
 */
export function textIssues(value: unknown, part: string): FieldIssue[] {
  const issues: FieldIssue[] = [];
  walk(value, [part], issues);
  return issues;
}

function walk(value: unknown, loc: (string | number)[], issues: FieldIssue[]): void {
  if (issues.length >= 100) return;
  if (typeof value === 'string') {
    const reason = textReason(value);
    if (reason !== null) issues.push({ loc: [...loc], msg: reason, type: 'string_unicode' });
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (loc.length > MAX_DEPTH) {
    issues.push({
      loc: loc.slice(0, 1),
      msg: `JSON should not be nested deeper than ${MAX_DEPTH} levels`,
      type: 'json_invalid',
    });
    return;
  }
  for (const [key, entry] of Object.entries(value)) {
    const step = Array.isArray(value) ? Number(key) : key;
    const reason = typeof step === 'string' ? keyReason(step) : null;
    if (reason === null) walk(entry, [...loc, step], issues);
    else issues.push({ loc: [...loc, step], msg: reason, type: 'extra_forbidden' });
  }
}

function keyReason(key: string): string | null {
  return key === '__proto__' ? 'Extra inputs are not permitted: this name is reserved' : textReason(key);
}

function textReason(text: string): string | null {
  if (text.includes('\u0000')) return 'Input should not contain the NUL character';
  return text.isWellFormed() ? null : 'Input should be valid Unicode, without half of a surrogate pair';
}
