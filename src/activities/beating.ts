import { cancellationSignal, heartbeat } from '@temporalio/activity';

const HEARTBEAT_MS = 5_000;

/** Shows that the activity lives while `work` goes on: one statement may take longer than a heartbeat may. */
export async function beating<T>(work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => heartbeat(), HEARTBEAT_MS);
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
