const LONGEST_MS = 6 * 3_600_000;

/**
 * How long a server asks to be left alone (RFC 9110, 10.2.3): a number of seconds or a date.
 *
 * @param now UTC milliseconds
 * @returns milliseconds from 0 to 6 hours; null when there is no header, or none that can be understood
 */
export function retryAfterMs(header: string | undefined, now: number): number | null {
  const text = header?.trim() ?? '';
  const asked = /^\d+(\.\d+)?$/.test(text) ? Math.ceil(Number(text) * 1_000) : dateOf(text) - now;
  return Number.isNaN(asked) ? null : Math.min(Math.max(asked, 0), LONGEST_MS);
}

/** HTTP-date, also in its two old forms, of which one names no zone; NaN for all else. */
function dateOf(text: string): number {
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return NaN;
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
}
