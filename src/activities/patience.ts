import type { Clock } from '../domain/clock.ts';

/** What looks may cost a worker: some 20 ms of CPU each, Temporal's included. */
const LOOKS_PER_SECOND = 4;
const MAX_PATIENCE = 12;
const WINDOW_MS = 10_000;

/** How much longer than needed the workflows of machines may sleep, so that the looks of thousands stay cheap. */
export class Patience {
  private readonly clock: Clock;
  private since: number;
  private looks = 0;
  private lastRate = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    this.since = clock.now();
  }

  /**
   * Counts a look.
   *
   * @returns 1 while there are few, else up to 12, spread, so that those that look together part
   */
  next(): number {
    const now = this.clock.now();
    const elapsed = now - this.since;
    if (elapsed >= WINDOW_MS || elapsed < 0) {
      this.lastRate = elapsed >= 2 * WINDOW_MS || elapsed < 0 ? 0 : this.looks / (elapsed / 1_000);
      this.since = now;
      this.looks = 0;
    }
    this.looks += 1;
    const rate = Math.max(this.lastRate, this.looks / (WINDOW_MS / 1_000));
    if (rate <= LOOKS_PER_SECOND) return 1;
    const most = Math.min(MAX_PATIENCE, rate / LOOKS_PER_SECOND);
    return 1 + (most - 1) * (0.5 + Math.random() / 2);
  }
}
