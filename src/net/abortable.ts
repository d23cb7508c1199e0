import { setTimeout as delay } from 'node:timers/promises';

/**
 * Stops waiting for something that cannot be stopped itself.
 *
 * @throws the signal's reason as soon as it is aborted; what the promise does later is ignored.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}

/** @returns false as soon as the signal is aborted, true after `ms` */
export async function sleepUnless(signal: AbortSignal, ms: number): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
