import { signalsOf } from './signalsOf.ts';

/** Two of the same Ctrl-C, as make, npm or a process group hand them on, arrive within this time. */
const SAME_REQUEST_MS = 500;

/** Somebody wants the stack to end: no error, but what is under way must give up. */
export class StopRequest extends Error {
  override readonly name = 'StopRequest';
}

export interface StopSignals {
  /** Aborted with a StopRequest at the first request. */
  readonly stop: AbortSignal;
  /** Aborted at a second one: all patience is over. */
  readonly hurry: AbortSignal;
  /** Asks for the end from inside. */
  readonly request: (why: string) => void;
}

/**
 * Turns Ctrl-C, SIGTERM and a closed terminal into a request to stop, and a second one into haste. Under nohup a
 * closed terminal does not matter: Node forgets that it was started so, but whoever started us remembers.
 */
export function listenForStops(say: (line: string) => void): StopSignals {
  const stop = new AbortController();
  const hurry = new AbortController();
  let requestedAt = 0;
  const request = (why: string): void => {
    if (!stop.signal.aborted) {
      requestedAt = performance.now();
      say(`Stopping (${why}) …`);
      stop.abort(new StopRequest(why));
    } else if (!hurry.signal.aborted && performance.now() - requestedAt > SAME_REQUEST_MS) {
      say('Stopping at once …');
      hurry.abort();
    }
  };
  const ignoresHangup = signalsOf(process.ppid).ignores('SIGHUP');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (signal !== 'SIGHUP' || !ignoresHangup) request(signal);
    });
  }
  return { stop: stop.signal, hurry: hurry.signal, request };
}
