import { setTimeout as delay } from 'node:timers/promises';

interface WaitOptions {
  /** Give up after so many milliseconds. */
  readonly withinMs: number;
  /** Pause between two looks, in milliseconds (default 50). */
  readonly everyMs?: number;
  /** Ends the wait at once; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks until `condition` answers something other than null, undefined or false.
 *
 * @returns what the condition answered, or null when the time is over.
 * @throws the signal's reason when it is aborted, and whatever the condition throws.
 */
export async function waitFor<T>(
  condition: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  { withinMs, everyMs = 50, signal }: WaitOptions,
): Promise<T | null> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await condition();
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    if (performance.now() >= deadline) return null;
    await pause(everyMs, signal);
  }
}

/** Sleeps, and rejects with the signal's own reason when that is aborted first. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Answers whether `promise` settles within so many milliseconds (or before `hurry` is aborted). */
export async function settlesWithin(
  promise: Promise<unknown>,
  ms: number,
  hurry?: AbortSignal,
): Promise<boolean> {
  const over = new AbortController();
  const given = hurry === undefined ? over.signal : AbortSignal.any([over.signal, hurry]);
  const settled = promise.then(
    () => true,
    () => true,
  );
  const timeout = delay(Math.max(0, ms), false, { signal: given }).catch(() => false);
  try {
    return await Promise.race([settled, timeout]);
  } finally {
    over.abort();
  }
}
