import type { Services } from './services.ts';
import { settlesWithin } from './waitFor.ts';

/** The API takes no new requests from its signal on; the worker need not wait for those in flight. */
const API_ALONE_MS = 1_000;

/** By when, in milliseconds after the request to stop, each has to be gone. All within 10 s. */
const GONE_BY_MS = { api: 5_500, worker: 6_500, temporal: 8_000, postgres: 9_300 };

/** Ends everything, what uses others before what is used; what takes too long is killed. */
export async function stopInOrder(
  { postgres, temporal, api, workers }: Services,
  hurry: AbortSignal,
): Promise<void> {
  const began = performance.now();
  const within = (goneByMs: number): { withinMs: number; hurry: AbortSignal } => ({
    withinMs: Math.max(200, goneByMs - (performance.now() - began)),
    hurry,
  });
  const apiStopped = api.stop(within(GONE_BY_MS.api));
  await settlesWithin(apiStopped, API_ALONE_MS, hurry);
  const workersStopped = workers.map((worker) => worker.stop(within(GONE_BY_MS.worker)));
  await Promise.all([apiStopped, ...workersStopped]);
  await temporal?.stop(within(GONE_BY_MS.temporal));
  await postgres?.stop(within(GONE_BY_MS.postgres));
}
