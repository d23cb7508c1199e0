const FIRST_CEILING_MS = 1_000;
const LONGEST_CEILING_MS = 60_000;
const SHORTEST_MS = 100;
const LONGEST_RETRY_AFTER_MS = 600_000;
/** Those who were given the same time by one server do not come back in the same instant. */
const RETRY_AFTER_SPREAD = 0.1;

/**
 * How long to wait after failures in a row: anything up to a ceiling that doubles from 1 s to 60 s ("full jitter"),
 * so that thousands of agents that lost the same server come back spread out.
 *
 * @param failures in a row, from 1
 * @param random in [0, 1)
 */
export function backoffMs(failures: number, random: () => number): number {
  const ceiling = Math.min(LONGEST_CEILING_MS, FIRST_CEILING_MS * 2 ** (failures - 1));
  return Math.max(SHORTEST_MS, random() * ceiling);
}

/** How long to wait where trying soon is of no use: a key that is refused, a server that has no such path. */
export function slowRetryMs(random: () => number): number {
  return LONGEST_CEILING_MS * (1 + random());
}

/** How long to wait where the server has said it: its time and a little, at most 10 minutes. */
export function obeyedMs(retryAfterMs: number, random: () => number): number {
  return Math.min(LONGEST_RETRY_AFTER_MS, retryAfterMs * (1 + random() * RETRY_AFTER_SPREAD));
}

/**
 * Reads a Retry-After header (RFC 9110, 10.2.3): seconds, or a date.
 *
 * @param now UTC milliseconds
 * @returns milliseconds from now, or null where there is none that can be read
 */
export function parseRetryAfter(header: string | undefined, now: number): number | null {
  const value = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const at = /^[A-Za-z]{3,9},? /.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
