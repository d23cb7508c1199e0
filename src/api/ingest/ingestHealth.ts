import type { Clock } from '../../domain/clock.ts';

/** Agents that were refused come again within a minute: so long one failure speaks for what comes after it. */
const FAILURE_COUNTS_MS = 90_000;

/** Whether posts come through, and what time it is where silence is judged; one for each API process. */
export class IngestHealth {
  private readonly clock: Clock;
  private failedAt: number | null = null;
  private aheadMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** A post was stored. */
  committed(): void {
    this.failedAt = null;
  }

  /** A post could not be stored, and the fault was ours. */
  failed(): void {
    this.failedAt = this.clock.now();
  }

  /** The last post that came was not stored: the silence of machines means nothing now. */
  get isFailing(): boolean {
    return this.failedAt !== null && Math.abs(this.clock.now() - this.failedAt) < FAILURE_COUNTS_MS;
  }

  /** @param databaseNow what the database's clock says at this moment, UTC milliseconds */
  synchronize(databaseNow: number): void {
    this.aheadMs = databaseNow - this.clock.now();
  }

  /** The database's time, which is the same for all API processes; UTC milliseconds. */
  now(): number {
    return this.clock.now() + this.aheadMs;
  }
}
