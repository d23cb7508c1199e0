import type { Suspect } from './answer.ts';

const LONG_ENOUGH_MS = 3_600_000;
const TRIES_ENOUGH = 10;

interface Failing {
  readonly sequence: number;
  readonly suspect: Suspect;
  readonly since: number;
  readonly tries: number;
}

interface Failure {
  readonly sequence: number;
  readonly suspect: Suspect;
  /** Milliseconds of a clock that never jumps. */
  readonly now: number;
  /** What is measured now is dropped. */
  readonly isFull: boolean;
}

/**
 * Whether it is the oldest batch alone that the server does not take, so that those behind it wait for nothing. Only
 * a later batch that is taken proves that: without one it is the server that fails, or the clock that is still wrong.
 */
export class Blockage {
  #failing: Failing | null = null;
  #isLaterTaken = false;
  #wantsLater = false;

  /** Whether a later batch is to be tried before the oldest is tried again. */
  get wantsLater(): boolean {
    return this.#wantsLater;
  }

  /** The oldest is gone, or failed for what is no fault of its own. */
  clear(): void {
    this.#failing = null;
    this.#isLaterTaken = false;
    this.#wantsLater = false;
  }

  /** A later batch was tried. */
  laterAnswered(isTaken: boolean): void {
    this.#isLaterTaken = isTaken;
    this.#wantsLater = false;
  }

  /**
   * The oldest was tried and failed.
   *
   * @returns whether the others should go on without it: it failed for an hour, ten times at least, and once more
   *   right after a later one was taken
   */
  failed({ sequence, suspect, now, isFull }: Failure): boolean {
    const { since, tries } = this.#known(sequence, suspect) ?? { since: now, tries: 0 };
    const isLong = now - since >= LONG_ENOUGH_MS;
    // Nothing measured since the clock was set could come into a full buffer, and prove anything.
    const isHopeless = suspect === 'clock' && isFull;
    const isProven = isLong && tries >= TRIES_ENOUGH && (this.#isLaterTaken || isHopeless);
    this.#failing = { sequence, suspect, since, tries: tries + 1 };
    // That the clock is right by now is proven for all that was measured before.
    this.#isLaterTaken &&= isProven && suspect === 'clock';
    // The machine would count as down while what it measures by the right clock has to wait.
    this.#wantsLater = !isProven && (suspect === 'clock' || isLong);
    return isProven;
  }

  /** Batches with a wrong time come in a row, and count as one. */
  #known(sequence: number, suspect: Suspect): Failing | null {
    const known = this.#failing;
    if (known?.suspect !== suspect) return null;
    return suspect === 'clock' || known.sequence === sequence ? known : null;
  }
}
