import type { IngestPulse } from '../../db/repositories/ingestPulse.ts';
import { sleepUnless } from '../../net/abortable.ts';

/** A machine is judged by the first pulse after its deadline, so this is how late one may be found. */
const BEAT_EVERY_MS = 1_000;

export interface BeatPulseOptions {
  readonly pulse: Pick<IngestPulse, 'beat'>;
  /** Ends it: this process takes no more posts. */
  readonly signal: AbortSignal;
  readonly onFault: (error: unknown) => void;
}

/**
 * Keeps the pulse of ingest going for as long as this process serves and Postgres takes what it stores. Start it when
 * posts can come in.
 */
export async function beatPulse({ pulse, signal, onFault }: BeatPulseOptions): Promise<void> {
  let isAway = false;
  do {
    try {
      await pulse.beat();
      isAway = false;
    } catch (error) {
      if (!isAway) onFault(error);
      isAway = true;
    }
  } while (await sleepUnless(signal, BEAT_EVERY_MS));
}
