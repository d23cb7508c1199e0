import { Client, Connection } from '@temporalio/client';
import { connectionOptions } from '../../temporal/client.ts';
import { touchTemporal } from '../../temporal/selfTest.ts';
import type { Config } from '../config.ts';
import { pause } from './waitFor.ts';

const TOUCH_EVERY_MS = 15_000;
const TOUCH_WITHIN_MS = 3_000;
const FAILURES_BEFORE_RESTART = 3;

interface WatchOptions {
  /** Makes Temporal write something small; rejects when it does not in time. */
  readonly touch: () => Promise<void>;
  /** Ends the server, to be started anew. */
  readonly restart: (why: string) => Promise<void>;
  readonly signal: AbortSignal;
  /** Pause between two touches, in milliseconds (default 15 s). */
  readonly everyMs?: number;
}

/**
 * The dev server can wedge: its health says SERVING while nothing moves. Three small writes in a row that fail
 * while the process lives have it restarted. Answers when the signal is aborted.
 */
export async function watchTemporal({
  touch,
  restart,
  signal,
  everyMs = TOUCH_EVERY_MS,
}: WatchOptions): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await touch();
      failures = 0;
    } catch {
      failures += 1;
      if (failures === FAILURES_BEFORE_RESTART) {
        failures = 0;
        await restart(`takes no writes (${FAILURES_BEFORE_RESTART} attempts failed)`);
      }
    }
    await pause(everyMs, signal).catch(() => undefined);
  }
}

/** The write that shows that Temporal still moves: a signal to the workflow `self-test`, tried once, within 3 s. */
export function createTouch(config: Config['temporal']): {
  touch: () => Promise<void>;
  close: () => Promise<void>;
} {
  const options = { ...connectionOptions(config), connectTimeout: TOUCH_WITHIN_MS, interceptors: [] };
  const connection = Connection.lazy(options);
  const client = new Client({ connection, namespace: config.namespace });
  const touch = (): Promise<void> => touchTemporal(client, config.taskQueuePrefix);
  return {
    touch: () => connection.withDeadline(Date.now() + TOUCH_WITHIN_MS, touch),
    close: () => connection.close(),
  };
}
