const FIRST_MS = 5_000;
const LONGEST_MS = 5 * 60_000;

/**
 * How long to wait before a message is tried again: five seconds, twice as long each time, five minutes at most; longer
 * where the provider asks for it.
 *
 * @param attempt the one that failed, 1 for the first
 * @param retryAfterMs what the provider asks for; null where it does not
 */
export function deliveryBackoffMs(attempt: number, retryAfterMs: number | null): number {
  return Math.max(Math.min(FIRST_MS * 2 ** (attempt - 1), LONGEST_MS), retryAfterMs ?? 0);
}
