import type { CheckKind, CheckResult } from './check.ts';
import { planDue, type TargetSchedule } from './schedule.ts';
import {
  nextCheckAt,
  pause,
  reduceCheck,
  resume,
  withoutStreaks,
  type Reduction,
  type StatusTransition,
  type TargetState,
} from './targetState.ts';
import { keepUnrecorded, type UnrecordedCheck } from './unrecordedChecks.ts';
import { describeTarget } from './words.ts';

/** Everything that one run of a target's workflow hands to the next. */
export interface CarriedTarget {
  readonly format: 1;
  readonly schedule: TargetSchedule;
  readonly state: TargetState;
  readonly nextCheckAt: number | null;
  readonly unrecorded: readonly UnrecordedCheck[];
  readonly writeUnrecordedAt: number | null;
  readonly retiredAt: number | null;
}

/**
 * What an earlier version of the product handed over, in today's form. There is one form so far.
 *
 * @throws for a form that this version does not know yet: the workflow task is retried until newer workers are there
 */
export function upgradeCarried(carried: { readonly format: number }): CarriedTarget {
  if (isCurrent(carried)) return carried;
  throw new Error(`Carried state of format ${carried.format} needs a newer worker.`);
}

function isCurrent(carried: { readonly format: number }): carried is CarriedTarget {
  return carried.format === 1;
}

/** What the workflow has to do next. */
export type NextStep =
  | { readonly kind: 'check'; readonly slot: number; readonly checkKind: CheckKind }
  | { readonly kind: 'writeUnrecorded' }
  | { readonly kind: 'reloadSchedule' }
  /** null: until a message comes. */
  | { readonly kind: 'wait'; readonly until: number | null }
  | { readonly kind: 'end' };

/** What a message changed. */
export interface Change {
  /** A check that is running has become pointless. */
  readonly interrupts: boolean;
  readonly transition: StatusTransition | null;
}

const UNCHANGED: Change = { interrupts: false, transition: null };

/** How long results wait for the next try where no check of the target is going to write them along. */
const WRITE_RETRY_MS = 60_000;
/** Where checks go on they write the results along; this is for those that are checked rarely. */
const WRITE_RETRY_WHILE_CHECKING_MS = 600_000;
/** A retired target gives its unwritten results up after this long. */
const RETIRED_KEEPS_TRYING_MS = 24 * 3_600_000;

/**
 * The rules of a target's workflow without the workflow: which step is next, and what each event makes of
 * it. All times are UTC milliseconds and come from outside.
 */
export class TargetRun {
  private readonly targetId: string;
  private schedule: TargetSchedule;
  private state: TargetState;
  private nextCheckAt: number | null;
  private unrecorded: readonly UnrecordedCheck[];
  private writeUnrecordedAt: number | null;
  private retiredAt: number | null;
  private manualCheckWanted = false;
  /** The highest version heard of: newer than the schedule's when a message was lost or came out of order. */
  private latestVersion: number;
  private lastSlot: number;
  /** A slot is moved once: where everything is always late, checks come late, but they come. */
  private slotWasMoved = false;

  constructor(targetId: string, carried: CarriedTarget) {
    this.targetId = targetId;
    this.schedule = carried.schedule;
    this.state = carried.state;
    this.nextCheckAt = carried.nextCheckAt;
    this.unrecorded = carried.unrecorded;
    this.writeUnrecordedAt = carried.writeUnrecordedAt;
    this.retiredAt = carried.retiredAt;
    this.latestVersion = carried.schedule.version;
    this.lastSlot = carried.state.lastCheck?.scheduledAt ?? 0;
  }

  get isPaused(): boolean {
    return this.state.status === 'paused';
  }

  get isRetired(): boolean {
    return this.retiredAt !== null;
  }

  get currentSchedule(): TargetSchedule {
    return this.schedule;
  }

  get currentState(): TargetState {
    return this.state;
  }

  get dueAt(): number | null {
    return this.nextCheckAt;
  }

  get unrecordedResults(): readonly CheckResult[] {
    return this.unrecorded.map(({ result }) => result);
  }

  next(now: number): NextStep {
    if (this.retiredAt !== null) return this.nextWhenRetired(now, this.retiredAt);
    if (this.latestVersion !== this.schedule.version) return { kind: 'reloadSchedule' };
    const check = this.dueCheck(now);
    if (check !== null) return check;
    if (this.isWriteDue(now)) return { kind: 'writeUnrecorded' };
    return { kind: 'wait', until: earliest(this.nextCheckAt, this.writeUnrecordedAt) };
  }

  /** A check that is due while the workflow slept for longer than an interval is moved, never doubled. */
  private dueCheck(now: number): NextStep | null {
    if (this.isPaused) return null;
    if (this.manualCheckWanted) return { kind: 'check', slot: this.freeSlot(now), checkKind: 'manual' };
    if (this.nextCheckAt === null || this.nextCheckAt > now) return null;
    if (!this.slotWasMoved) {
      const { slot } = planDue(this.targetId, this.schedule.intervalSeconds * 1_000, this.nextCheckAt, now);
      this.slotWasMoved = slot !== this.nextCheckAt;
      this.nextCheckAt = slot;
    }
    return this.nextCheckAt > now
      ? null
      : { kind: 'check', slot: this.freeSlot(this.nextCheckAt), checkKind: 'scheduled' };
  }

  private nextWhenRetired(now: number, retiredAt: number): NextStep {
    const givesUpAt = retiredAt + RETIRED_KEEPS_TRYING_MS;
    if (this.unrecorded.length === 0 || now >= givesUpAt) return { kind: 'end' };
    if (this.isWriteDue(now)) return { kind: 'writeUnrecorded' };
    return { kind: 'wait', until: earliest(this.writeUnrecordedAt, givesUpAt) };
  }

  private isWriteDue(now: number): boolean {
    return this.writeUnrecordedAt !== null && this.writeUnrecordedAt <= now;
  }

  /** No two checks of a target share a slot: a stored row would win over the second. */
  private freeSlot(wanted: number): number {
    return Math.max(wanted, this.lastSlot + 1);
  }

  checkStarted(slot: number): void {
    this.manualCheckWanted = false;
    this.lastSlot = Math.max(this.lastSlot, slot);
  }

  /**
   * The check of `slot` has a result.
   *
   * @param failureThreshold the client's setting of this moment, null when Postgres was not reached
   */
  checked(
    result: CheckResult,
    recorded: boolean,
    failureThreshold: number | null,
    now: number,
  ): StatusTransition | null {
    if (failureThreshold !== null) this.schedule = { ...this.schedule, failureThreshold };
    const { state, transition } = reduceCheck(this.state, result, this.schedule);
    this.state = state;
    this.planAfter(result.scheduledAt);
    if (!recorded) {
      this.unrecorded = keepUnrecorded(this.unrecorded, { result, isTransition: transition !== null });
      this.writeUnrecordedAt ??= now + this.writeRetryMs();
    } else if (this.unrecorded.length > 0) {
      this.writeUnrecordedAt = now;
    }
    return transition;
  }

  /** The check of `slot` did not take place for a reason of ours: it counts for nothing. */
  notChecked(slot: number): void {
    this.planAfter(slot);
  }

  /** The check of `slot` met another version: ask for that one, or retire where the target is gone. */
  superseded(slot: number, version: number | null, now: number): void {
    this.planAfter(slot);
    if (version === null) this.retire(now);
    else this.latestVersion = version;
  }

  unrecordedWritten(): void {
    this.unrecorded = [];
    this.writeUnrecordedAt = null;
  }

  unrecordedRefused(now: number): void {
    this.writeUnrecordedAt = now + this.writeRetryMs();
  }

  /**
   * Takes a newer schedule; the target is checked at once under it. An older one, or the same again, changes
   * nothing but the name.
   */
  configure(schedule: TargetSchedule, now: number): Change {
    this.latestVersion = Math.max(this.latestVersion, schedule.version);
    if (schedule.version > this.schedule.version) return this.replaceSchedule(schedule, now);
    if (schedule.version === this.schedule.version) this.schedule = { ...this.schedule, name: schedule.name };
    return UNCHANGED;
  }

  /** Takes what Postgres says, whatever its version: it may have been restored from an older backup. */
  scheduleReloaded(schedule: TargetSchedule, now: number): Change {
    this.latestVersion = schedule.version;
    return schedule.version === this.schedule.version ? UNCHANGED : this.replaceSchedule(schedule, now);
  }

  /** A schedule that is merely old still watches the target; its next check finds out again. */
  scheduleNotReloaded(): void {
    this.latestVersion = this.schedule.version;
  }

  /** Pauses or resumes; where a version in between was never heard of, the whole schedule is asked for. */
  setActive(isActive: boolean, version: number, now: number): Change {
    if (version < this.latestVersion) return UNCHANGED;
    const isNext = version <= this.schedule.version + 1;
    this.latestVersion = version;
    this.schedule = { ...this.schedule, isActive, ...(isNext ? { version } : {}) };
    return { interrupts: true, transition: this.activate(isActive, now) };
  }

  retire(now: number): void {
    if (this.retiredAt !== null) return;
    this.retiredAt = now;
    this.nextCheckAt = null;
    if (this.unrecorded.length > 0) this.writeUnrecordedAt = now;
  }

  wantCheckNow(): void {
    this.manualCheckWanted = true;
  }

  words(checking: boolean): string {
    const words = describeTarget(this.state, this.nextCheckAt, {
      checking,
      unrecorded: this.unrecorded.length,
    });
    return this.retiredAt === null ? words : `deleted, ${words}`;
  }

  carried(): CarriedTarget {
    return {
      format: 1,
      schedule: this.schedule,
      state: this.state,
      nextCheckAt: this.nextCheckAt,
      unrecorded: this.unrecorded,
      writeUnrecordedAt: this.writeUnrecordedAt,
      retiredAt: this.retiredAt,
    };
  }

  private replaceSchedule(schedule: TargetSchedule, now: number): Change {
    this.schedule = schedule;
    this.state = withoutStreaks(this.state);
    this.nextCheckAt = now;
    return { interrupts: true, transition: this.activate(schedule.isActive, now) };
  }

  private activate(isActive: boolean, now: number): StatusTransition | null {
    const { state, transition }: Reduction = isActive ? resume(this.state, now) : pause(this.state, now);
    this.state = state;
    if (!isActive) {
      this.nextCheckAt = null;
      this.manualCheckWanted = false;
    } else if (transition !== null) {
      this.nextCheckAt = now;
    }
    return transition;
  }

  private planAfter(slot: number): void {
    this.slotWasMoved = false;
    this.nextCheckAt = this.isPaused ? null : nextCheckAt(this.targetId, this.state, this.schedule, slot);
  }

  private writeRetryMs(): number {
    return this.isPaused || this.isRetired ? WRITE_RETRY_MS : WRITE_RETRY_WHILE_CHECKING_MS;
  }
}

/** The start of a target's first run, or of one that has to be started anew from what Postgres knows. */
export function freshTarget(
  targetId: string,
  schedule: TargetSchedule,
  known: TargetState,
  now: number,
): CarriedTarget {
  const state: TargetState = schedule.isActive ? known : { ...known, status: 'paused' };
  const seenAt = known.lastCheck?.scheduledAt;
  const firstCheckAt = seenAt === undefined ? now : nextCheckAt(targetId, state, schedule, seenAt);
  return {
    format: 1,
    schedule,
    state,
    nextCheckAt: schedule.isActive ? firstCheckAt : null,
    unrecorded: [],
    writeUnrecordedAt: null,
    retiredAt: null,
  };
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
