import { cancellationSignal, heartbeat } from '@temporalio/activity';

const HEARTBEAT_MS = 5_000;
/** Where somebody waits for a message: a dead worker is found out within some seconds. */
export const PROMPT_HEARTBEAT_MS = 1_000;

/** Shows that the activity lives while `work` goes on: one statement may take longer than a heartbeat may. */
export async function beating<T>(work: () => Promise<T>, everyMs = HEARTBEAT_MS): Promise<T> {
  const timer = setInterval(() => heartbeat(), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** @throws when the activity is cancelled, or its worker shuts down */
export function progress(): void {
  cancellationSignal().throwIfAborted();
}
