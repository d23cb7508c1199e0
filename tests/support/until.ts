import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until a condition holds.
 *
 * @throws after `withinMs` (default 20 s), with the error of the last try, if any
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  { withinMs = 20_000, everyMs = 25, what = 'the condition' } = {},
): Promise<void> {
  const deadline = Date.now() + withinMs;
  let lastError: unknown;
  for (;;) {
    try {
      if (await holds()) return;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadline)
      throw new Error(`${what} did not hold within ${withinMs} ms`, { cause: lastError });
    await delay(everyMs);
  }
}
