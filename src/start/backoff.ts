const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
const STABLE_AFTER_MS = 60_000;

/** How often something has crashed lately, and how long to wait before it is started again. */
interface Crashes {
  /** Crashes in a row; one that follows a long run counts as the first. */
  readonly inARow: number;
  readonly delayMs: number;
}

/**
 * Doubles the wait from crash to crash: 1, 2, 4 … 30 s; a run of a minute starts the series anew.
 *
 * @param ranForMs how long it ran before this crash.
 */
export function nextCrash(before: number, ranForMs: number): Crashes {
  const inARow = ranForMs >= STABLE_AFTER_MS ? 1 : before + 1;
  return { inARow, delayMs: Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (inARow - 1)) };
}
