import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../src/logger.ts';

const RETRY_MS = 500;
const SAY_SO_EVERY = 20;

/**
 * Waits for something that another process brings up, for as long as it takes, and says what it waits for.
 *
 * @throws the signal's reason when it is told to stop
 */
export async function retryUntil<T>(
  what: string,
  { logger, signal }: { logger: Logger; signal: AbortSignal },
  attempt: () => Promise<T>,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (count === 1 || count % SAY_SO_EVERY === 0) logger.warn({ err: error }, `waiting for ${what}`);
    }
    await delay(RETRY_MS, undefined, { signal });
  }
}
