import type { CheckKind, CheckResult } from './check.ts';
import type { CarriedTarget } from './carriedTarget.ts';
import { catchUpSlot, type TargetSchedule } from './schedule.ts';
import { ScheduleVersions } from './scheduleVersions.ts';
import { SlotPlan } from './slotPlan.ts';
import { Steadiness } from './steadiness.ts';
import {
  isConfirmingFailure,
  lastSlotOf,
  nextCheckAt,
  pause,
  reduceCheck,
  resume,
  transitionBetween,
  withoutStreaks,
  type Reduction,
  type StatusTransition,
  type TargetState,
} from './targetState.ts';
import type { UnrecordedCheck } from './unrecordedChecks.ts';
import { UnrecordedResults } from './unrecordedResults.ts';
import type { WatchedTarget } from './watching.ts';
import { describeTarget } from './words.ts';

/** What the workflow has to do next. */
export type NextStep =
  | { readonly kind: 'check'; readonly slot: number; readonly checkKind: CheckKind }
  /** Nothing changes: a watch serves the slots from `firstSlot` on. */
  | { readonly kind: 'watch'; readonly firstSlot: number }
  | { readonly kind: 'writeUnrecorded' }
  | { readonly kind: 'reloadSchedule' }
  /** null: until a message comes. */
  | { readonly kind: 'wait'; readonly until: number | null }
  | { readonly kind: 'end' };

/** What Postgres made of a check that it stored. */
export interface RecordedDecision {
  readonly state: TargetState;
  /** The client's setting of this moment. */
  readonly failureThreshold: number;
}

/** What a message changed. */
export interface Change {
  /** A check that is running has become pointless. */
  readonly interrupts: boolean;
  readonly transition: StatusTransition | null;
}

const UNCHANGED: Change = { interrupts: false, transition: null };

/** How long results wait for the next try where no check of the target is going to write them along. */
const WRITE_RETRY_MS = 300_000;
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
  private readonly versions: ScheduleVersions;
  private state: TargetState;
  private readonly plan: SlotPlan;
  private readonly unrecorded: UnrecordedResults;
  private retiredAt: number | null;
  private manualCheckWanted = false;
  private lastSlot: number;
  private readonly steadiness: Steadiness;

  constructor(targetId: string, carried: CarriedTarget) {
    this.targetId = targetId;
    this.versions = new ScheduleVersions(carried.schedule, carried.newestVersion);
    this.state = carried.state;
    this.lastSlot = carried.lastSlot;
    this.plan = new SlotPlan(targetId, carried.nextCheckAt);
    this.unrecorded = new UnrecordedResults(carried.unrecorded, carried.writeUnrecordedAt);
    this.retiredAt = carried.retiredAt;
    this.steadiness = new Steadiness(carried.steadyChecks, carried.lastWatch);
  }

  get isPaused(): boolean {
    return this.state.status === 'paused';
  }

  get isRetired(): boolean {
    return this.retiredAt !== null;
  }

  get currentSchedule(): TargetSchedule {
    return this.versions.current;
  }

  get currentState(): TargetState {
    return this.state;
  }

  get dueAt(): number | null {
    return this.plan.next;
  }

  get unrecordedCount(): number {
    return this.unrecorded.count;
  }

  /** A watch serves the slots; what else is to be done is done beside it. */
  get isWatched(): boolean {
    return this.steadiness.watchedUntil !== null;
  }

  next(now: number): NextStep {
    if (this.retiredAt !== null) return this.nextWhenRetired(now, this.retiredAt);
    if (this.versions.isStale) return { kind: 'reloadSchedule' };
    const check = this.dueCheck(now);
    if (check !== null) return check;
    if (this.unrecorded.isDue(now)) return { kind: 'writeUnrecorded' };
    if (this.isWatched) return { kind: 'wait', until: this.unrecorded.nextWriteAt };
    const { next } = this.plan;
    const isToBeWatched = !this.isPaused && this.steadiness.isSteady && this.unrecorded.count === 0;
    if (isToBeWatched && next !== null) return { kind: 'watch', firstSlot: next };
    return { kind: 'wait', until: earliest(next, this.unrecorded.nextWriteAt) };
  }

  private dueCheck(now: number): NextStep | null {
    if (this.isPaused) return null;
    if (this.manualCheckWanted) return { kind: 'check', slot: this.freeSlot(now), checkKind: 'manual' };
    if (this.isWatched) return null;
    const slot = this.plan.due(this.currentSchedule.intervalSeconds * 1_000, now);
    return slot === null ? null : { kind: 'check', slot: this.freeSlot(slot), checkKind: 'scheduled' };
  }

  private nextWhenRetired(now: number, retiredAt: number): NextStep {
    const givesUpAt = retiredAt + RETIRED_KEEPS_TRYING_MS;
    if (this.unrecorded.count === 0 || now >= givesUpAt) return { kind: 'end' };
    if (this.unrecorded.isDue(now)) return { kind: 'writeUnrecorded' };
    return { kind: 'wait', until: earliest(this.unrecorded.nextWriteAt, givesUpAt) };
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
   * @param recorded what Postgres made of it, which is then so; null when it did not commit in time
   */
  checked(result: CheckResult, recorded: RecordedDecision | null, now: number): StatusTransition | null {
    const before = this.state;
    if (recorded === null) {
      this.state = reduceCheck(before, result, this.currentSchedule).state;
    } else if (!this.isPaused) {
      this.versions.setFailureThreshold(recorded.failureThreshold);
      this.state = recorded.state;
    }
    const transition = transitionBetween(before, this.state);
    this.planAfter(result.scheduledAt, now);
    if (recorded === null) {
      this.keepUnrecorded({ result, isTransition: transition !== null }, now);
    } else {
      this.unrecorded.offerNow(now);
    }
    const isSteady = recorded !== null && transition === null && !isConfirmingFailure(this.state);
    if (isSteady) this.steadiness.checkChangedNothing();
    else this.steadiness.lost();
    return transition;
  }

  /** The check of `slot` did not take place for a reason of ours: it counts for nothing. */
  notChecked(slot: number, now: number): void {
    this.planAfter(slot, now);
  }

  /** The check of `slot` met another version of the target: that one is asked for next. */
  superseded(slot: number, version: number, now: number): void {
    this.planAfter(slot, now);
    this.versions.hearOf(version);
  }

  /** @param until when its time is over */
  watchStarted(until: number): void {
    this.steadiness.watchStarted(until);
  }

  /** What the watch saw is so: its checks were decided by the same reducer, from the same row. */
  watched(watch: WatchedTarget, now: number): StatusTransition | null {
    const before = this.state;
    if (!this.isPaused && watch.state !== null && lastSlotOf(watch.state) >= lastSlotOf(before)) {
      if (watch.failureThreshold !== null) this.versions.setFailureThreshold(watch.failureThreshold);
      this.state = watch.state;
    }
    this.lastSlot = Math.max(this.lastSlot, lastSlotOf(this.state));
    this.steadiness.watchEnded(watch.summary, watch.end === 'window' || watch.end === 'certificate');
    this.keepFromWatch(watch, now);
    this.planAfter(this.lastSlot, now);
    return transitionBetween(before, this.state);
  }

  /** What a watch hands back that was given up before: only its results still count. */
  keepFromWatch({ unrecorded }: WatchedTarget, now: number): void {
    for (const check of unrecorded) this.keepUnrecorded(check, now);
  }

  /** Our own side lost the watch, perhaps with many others: the target is looked at again soon. */
  watchLost(now: number): void {
    this.steadiness.lost();
    const soon = catchUpSlot(this.targetId, this.currentSchedule.intervalSeconds * 1_000, now);
    this.plan.set(this.isPaused || this.isRetired ? null : soon);
  }

  private keepUnrecorded(check: UnrecordedCheck, now: number): void {
    this.unrecorded.keep(check, now + this.writeRetryMs());
  }

  /** The results that are being written from now on, beside the checks. */
  writeStarted(): readonly CheckResult[] {
    return this.unrecorded.writeStarted();
  }

  written(results: readonly CheckResult[]): void {
    this.unrecorded.written(results);
  }

  notWritten(now: number): void {
    this.unrecorded.notWritten(now + this.writeRetryMs());
  }

  /**
   * Takes a newer schedule; the target is checked at once under it. An older one, or the same again, changes
   * nothing but the name.
   */
  configure(schedule: TargetSchedule, now: number): Change {
    return this.versions.offer(schedule) ? this.startOver(now) : UNCHANGED;
  }

  /** @returns what to hand to `scheduleReloaded` with the answer */
  reloadStarted(): number {
    return this.versions.newest;
  }

  scheduleReloaded(schedule: TargetSchedule, askedFor: number, now: number): Change {
    return this.versions.reloaded(schedule, askedFor) ? this.startOver(now) : UNCHANGED;
  }

  scheduleNotReloaded(): void {
    this.manualCheckWanted = false;
    this.versions.notReloaded();
  }

  /** Pauses or resumes. */
  setActive(isActive: boolean, version: number, now: number): Change {
    if (!this.versions.offerActive(isActive, version)) return UNCHANGED;
    return { interrupts: true, transition: this.activate(isActive, now) };
  }

  retire(now: number): void {
    if (this.retiredAt !== null) return;
    this.retiredAt = now;
    this.plan.set(null);
    this.steadiness.lost();
    this.unrecorded.offerNow(now);
  }

  wantCheckNow(): void {
    this.manualCheckWanted = true;
  }

  words(checking: boolean): string {
    const words = describeTarget(this.state, this.plan.next, {
      checking,
      unrecorded: this.unrecorded.count,
      watchedUntil: this.steadiness.watchedUntil,
      lastWatch: this.steadiness.lastWatch,
    });
    return this.retiredAt === null ? words : `deleted, ${words}`;
  }

  carried(): CarriedTarget {
    return {
      format: 1,
      schedule: this.currentSchedule,
      newestVersion: this.versions.newest,
      state: this.state,
      lastSlot: this.lastSlot,
      nextCheckAt: this.plan.next,
      unrecorded: this.unrecorded.all,
      writeUnrecordedAt: this.unrecorded.writeAt,
      retiredAt: this.retiredAt,
      steadyChecks: this.steadiness.steadyChecks,
      lastWatch: this.steadiness.lastWatch,
    };
  }

  private startOver(now: number): Change {
    this.state = withoutStreaks(this.state);
    this.plan.set(now);
    this.steadiness.lost();
    return { interrupts: true, transition: this.activate(this.currentSchedule.isActive, now) };
  }

  private activate(isActive: boolean, now: number): StatusTransition | null {
    const { state, transition }: Reduction = isActive ? resume(this.state, now) : pause(this.state, now);
    this.state = state;
    this.steadiness.lost();
    if (!isActive) {
      this.plan.set(null);
      this.manualCheckWanted = false;
    } else if (transition !== null) {
      this.plan.set(now);
    }
    return transition;
  }

  private planAfter(slot: number, now: number): void {
    const next = nextCheckAt(this.targetId, this.state, this.currentSchedule, slot, now);
    this.plan.set(this.isPaused ? null : next);
  }

  private writeRetryMs(): number {
    return this.isPaused || this.isRetired ? WRITE_RETRY_MS : WRITE_RETRY_WHILE_CHECKING_MS;
  }
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
