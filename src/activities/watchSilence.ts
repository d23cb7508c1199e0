import { sleepUnless } from '../net/abortable.ts';
import type { Silence } from './tellingSilence.ts';

interface WatchSilenceDeps {
  readonly silence: Pick<Silence, 'judgeAll'>;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Told once for each trouble, not each second. */
  readonly onFault: (error: unknown) => void;
}

/** One statement that takes a millisecond where nobody is silent. */
const JUDGE_EVERY_MS = 1_000;

/** Lets Postgres judge the silence of all machines every second, so that their workflows need not ask each by itself. */
export async function watchSilence({ silence, signal, onFault }: WatchSilenceDeps): Promise<void> {
  let isTroubled = false;
  do {
    try {
      await silence.judgeAll();
      isTroubled = false;
    } catch (error) {
      if (!isTroubled) onFault(error);
      isTroubled = true;
    }
  } while (await sleepUnless(signal, JUDGE_EVERY_MS));
}
