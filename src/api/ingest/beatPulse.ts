import type { IngestPulse } from '../../db/repositories/ingestPulse.ts';
import { sleepUnless } from '../../net/abortable.ts';
import type { IngestHealth } from './ingestHealth.ts';

/** A machine is judged by the first pulse after its deadline, so this is how late one may be found. */
const BEAT_EVERY_MS = 1_000;

interface BeatPulseOptions {
  readonly pulse: Pick<IngestPulse, 'beat'>;
  readonly health: Pick<IngestHealth, 'isFailing' | 'synchronize'>;
  /** Ends it: this process takes no more posts. */
  readonly signal: AbortSignal;
  readonly onFault: (error: unknown) => void;
}

/**
 * Keeps the pulse of ingest going for as long as this process serves and posts are stored. Start it when posts can come
 * in.
 */
export async function beatPulse({ pulse, health, signal, onFault }: BeatPulseOptions): Promise<void> {
  let isAway = false;
  do {
    try {
      if (health.isFailing) throw new Error('Posts cannot be stored: no machine is judged by its silence.');
      health.synchronize(await pulse.beat());
      isAway = false;
    } catch (error) {
      if (!isAway) onFault(error);
      isAway = true;
    }
  } while (await sleepUnless(signal, BEAT_EVERY_MS));
}
