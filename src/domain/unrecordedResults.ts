import type { CheckResult } from './check.ts';
import { keepUnrecorded, type UnrecordedCheck } from './unrecordedChecks.ts';

/** The results that wait for Postgres, and when to offer them to it again; times in UTC milliseconds. */
export class UnrecordedResults {
  private checks: readonly UnrecordedCheck[];
  private offerAt: number | null;
  private isWriting = false;

  constructor(checks: readonly UnrecordedCheck[], offerAt: number | null) {
    this.checks = checks;
    this.offerAt = offerAt;
  }

  get all(): readonly UnrecordedCheck[] {
    return this.checks;
  }

  get count(): number {
    return this.checks.length;
  }

  /** When they were to be written, also while they are. */
  get writeAt(): number | null {
    return this.offerAt;
  }

  /** When to write them next; null while they are being written, or where nothing waits. */
  get nextWriteAt(): number | null {
    return this.isWriting ? null : this.offerAt;
  }

  isDue(now: number): boolean {
    return this.nextWriteAt !== null && this.nextWriteAt <= now;
  }

  keep(check: UnrecordedCheck, writeAt: number): void {
    this.checks = keepUnrecorded(this.checks, check);
    this.offerAt ??= writeAt;
  }

  /** Postgres takes results again. */
  offerNow(now: number): void {
    if (this.checks.length > 0) this.offerAt = now;
  }

  /** They are being written from now on, beside the checks. */
  writeStarted(): readonly CheckResult[] {
    this.isWriting = true;
    return this.checks.map(({ result }) => result);
  }

  written(results: readonly CheckResult[]): void {
    this.isWriting = false;
    const slots = new Set(results.map(({ scheduledAt }) => scheduledAt));
    this.checks = this.checks.filter(({ result }) => !slots.has(result.scheduledAt));
    if (this.checks.length === 0) this.offerAt = null;
  }

  notWritten(tryAgainAt: number): void {
    this.isWriting = false;
    this.offerAt = tryAgainAt;
  }
}
