import { CHECKS_UNTIL_STEADY, type WatchSummary } from './watching.ts';

/** Whether a target is steady, and the watch that serves it meanwhile. */
export class Steadiness {
  private checks: number;
  private lastSummary: WatchSummary | null;
  private until: number | null = null;

  constructor(steadyChecks: number, lastWatch: WatchSummary | null) {
    this.checks = steadyChecks;
    this.lastSummary = lastWatch;
  }

  /** Checks in a row that changed nothing and were recorded. */
  get steadyChecks(): number {
    return this.checks;
  }

  get isSteady(): boolean {
    return this.checks >= CHECKS_UNTIL_STEADY;
  }

  /** When the watch's time is over, UTC milliseconds; null while there is none. */
  get watchedUntil(): number | null {
    return this.until;
  }

  get lastWatch(): WatchSummary | null {
    return this.lastSummary;
  }

  checkChangedNothing(): void {
    this.checks += 1;
  }

  watchStarted(until: number): void {
    this.until = until;
  }

  /** @param isSteady whether another watch may follow at once */
  watchEnded(summary: WatchSummary | null, isSteady: boolean): void {
    this.until = null;
    this.lastSummary = summary ?? this.lastSummary;
    if (!isSteady) this.checks = 0;
  }

  /** A watch, if there is one, is to be given up. */
  lost(): void {
    this.checks = 0;
    this.until = null;
  }
}
