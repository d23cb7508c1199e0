import type { TargetSchedule } from './schedule.ts';

/**
 * The schedule that a target follows, and the newest version that was heard of: messages are lost, come twice
 * and come out of order, and the database is asked for what is missing.
 */
export class ScheduleVersions {
  private schedule: TargetSchedule;
  private newestHeardOf: number;

  constructor(schedule: TargetSchedule, newestHeardOf: number) {
    this.schedule = schedule;
    this.newestHeardOf = newestHeardOf;
  }

  get current(): TargetSchedule {
    return this.schedule;
  }

  get newest(): number {
    return this.newestHeardOf;
  }

  /** A version was heard of that nobody has told yet. */
  get isStale(): boolean {
    return this.newestHeardOf !== this.schedule.version;
  }

  /** @returns whether it is followed from now on; the same version again may bring a new name */
  offer(schedule: TargetSchedule): boolean {
    this.newestHeardOf = Math.max(this.newestHeardOf, schedule.version);
    if (schedule.version > this.schedule.version) {
      this.schedule = schedule;
      return true;
    }
    if (schedule.version === this.schedule.version) {
      this.schedule = { ...this.schedule, name: schedule.name };
    }
    return false;
  }

  /** @returns whether it counts; where a version in between was never told, the schedule stays stale */
  offerActive(isActive: boolean, version: number): boolean {
    if (version < this.newestHeardOf) return false;
    const isNext = version <= this.schedule.version + 1;
    this.newestHeardOf = version;
    this.schedule = { ...this.schedule, isActive, ...(isNext ? { version } : {}) };
    return true;
  }

  hearOf(version: number): void {
    this.newestHeardOf = version;
  }

  /**
   * The database's answer, whatever its version (it may have been restored from an older backup), unless
   * something newer was heard of while it was on its way.
   *
   * @param askedFor the newest version heard of when it was asked
   * @returns whether it is followed from now on
   */
  reloaded(schedule: TargetSchedule, askedFor: number): boolean {
    if (this.newestHeardOf !== askedFor && schedule.version < this.newestHeardOf) return false;
    this.newestHeardOf = schedule.version;
    const isOther = schedule.version !== this.schedule.version;
    this.schedule = schedule;
    return isOther;
  }

  /** A schedule that is merely old still watches the target; its next check finds out again. */
  notReloaded(): void {
    this.newestHeardOf = this.schedule.version;
  }

  setFailureThreshold(failureThreshold: number): void {
    if (failureThreshold !== this.schedule.failureThreshold)
      this.schedule = { ...this.schedule, failureThreshold };
  }
}
