import type { CheckResult, FailureClass } from './check.ts';
import { nextSlot, type TargetSchedule } from './schedule.ts';

export type TargetStatus = 'unknown' | 'up' | 'down' | 'paused';

/** The last look at a target, as far as words and lists need it. */
interface LastCheck {
  readonly scheduledAt: number;
  readonly startedAt: number;
  readonly failureClass: FailureClass | null;
  readonly errorMessage: string | null;
  readonly statusCode: number | null;
  readonly totalMs: number;
}

/** Everything that is decided about a target from its checks; times in UTC milliseconds. */
export interface TargetState {
  readonly status: TargetStatus;
  readonly consecutiveFailures: number;
  readonly consecutivePasses: number;
  /** Number of the fault: grows by one each time the target goes down. */
  readonly episode: number;
  readonly lastCheck: LastCheck | null;
  readonly lastStateChangeAt: number | null;
  readonly certificateExpiresAt: number | null;
}

export interface StatusTransition {
  readonly from: TargetStatus;
  readonly to: TargetStatus;
  readonly at: number;
  readonly episode: number;
}

export interface Reduction {
  readonly state: TargetState;
  readonly transition: StatusTransition | null;
}

type Thresholds = Pick<TargetSchedule, 'failureThreshold' | 'recoveryThreshold'>;

export const INITIAL_STATE: TargetState = {
  status: 'unknown',
  consecutiveFailures: 0,
  consecutivePasses: 0,
  episode: 0,
  lastCheck: null,
  lastStateChangeAt: null,
  certificateExpiresAt: null,
};

/**
 * The one place where a check becomes a status. DOWN after `failureThreshold` failures in a row, UP again
 * after `recoveryThreshold` passes; from UNKNOWN one pass is enough. A `monitor` fault is remembered as the
 * last check and changes nothing else; a paused target ignores results.
 */
export function reduceCheck(state: TargetState, result: CheckResult, thresholds: Thresholds): Reduction {
  if (state.status === 'paused') return { state, transition: null };
  const seen: TargetState = { ...state, lastCheck: lastCheckOf(result) };
  if (result.failureClass === 'monitor') return { state: seen, transition: null };

  const passed = result.failureClass === null;
  const counted: TargetState = {
    ...seen,
    consecutiveFailures: passed ? 0 : state.consecutiveFailures + 1,
    consecutivePasses: passed ? state.consecutivePasses + 1 : 0,
    certificateExpiresAt: result.certificateExpiresAt ?? state.certificateExpiresAt,
  };
  const status = decide(counted, thresholds);
  if (status === state.status) return { state: counted, transition: null };
  return transit(counted, status, result.scheduledAt);
}

/**
 * What a stored check makes of a target, told by whoever knows more of it: the row that the last checks
 * decided, or the workflow, where Postgres has missed some. A check that was counted already counts once.
 *
 * @param known what the row says; null before the first check
 */
export function decideCheck(
  known: TargetState | null,
  carried: TargetState,
  stored: CheckResult,
  thresholds: Thresholds,
): TargetState {
  const base = known !== null && lastSlotOf(known) >= lastSlotOf(carried) ? known : carried;
  return lastSlotOf(base) >= stored.scheduledAt ? base : reduceCheck(base, stored, thresholds).state;
}

/** What happened between two states of a target, or null when its status is the same. */
export function transitionBetween(before: TargetState, after: TargetState): StatusTransition | null {
  if (before.status === after.status) return null;
  return { from: before.status, to: after.status, at: after.lastStateChangeAt ?? 0, episode: after.episode };
}

/** PAUSED keeps nothing of the streaks; a paused target that is paused again stays as it is. */
export function pause(state: TargetState, at: number): Reduction {
  if (state.status === 'paused') return { state, transition: null };
  return transit(withoutStreaks(state), 'paused', at);
}

/** A resumed target is UNKNOWN until its next check, which is due at once. */
export function resume(state: TargetState, at: number): Reduction {
  if (state.status !== 'paused') return { state, transition: null };
  return transit(withoutStreaks(state), 'unknown', at);
}

/** What was counted under an older configuration does not count towards the next decision. */
export function withoutStreaks(state: TargetState): TargetState {
  return { ...state, consecutiveFailures: 0, consecutivePasses: 0 };
}

/** True between a first failure and DOWN, while the retry interval applies. */
export function isConfirmingFailure(state: TargetState): boolean {
  return state.status !== 'down' && state.status !== 'paused' && state.consecutiveFailures > 0;
}

/** A slot that has just passed is served late; beyond that it is skipped. */
const LATE_SLOT_MS = 1_000;

/**
 * When the target is due next after the check of `slot`: at its next regular slot, or, while a failure waits to
 * be confirmed, after the retry interval. Slots that passed while the check ran (one that hangs for all of its
 * interval) are skipped, so that the others keep the phase.
 *
 * @param now when the check ended, UTC milliseconds
 */
export function nextCheckAt(
  targetId: string,
  state: TargetState,
  schedule: Pick<TargetSchedule, 'intervalSeconds' | 'retryIntervalSeconds'>,
  slot: number,
  now: number,
): number {
  if (isConfirmingFailure(state)) return Math.max(slot + schedule.retryIntervalSeconds * 1_000, now);
  return nextSlot(targetId, schedule.intervalSeconds * 1_000, Math.max(slot, now - LATE_SLOT_MS));
}

/** The slot of the last check that was counted; 0 before the first. */
export function lastSlotOf({ lastCheck }: TargetState): number {
  return lastCheck?.scheduledAt ?? 0;
}

function decide(state: TargetState, thresholds: Thresholds): TargetStatus {
  if (state.consecutiveFailures >= thresholds.failureThreshold) return 'down';
  if (state.consecutivePasses === 0) return state.status;
  if (state.status === 'unknown') return 'up';
  return state.consecutivePasses >= thresholds.recoveryThreshold ? 'up' : state.status;
}

function transit(state: TargetState, to: TargetStatus, at: number): Reduction {
  const episode = to === 'down' ? state.episode + 1 : state.episode;
  return {
    state: { ...state, status: to, episode, lastStateChangeAt: at },
    transition: { from: state.status, to, at, episode },
  };
}

function lastCheckOf(result: CheckResult): LastCheck {
  return {
    scheduledAt: result.scheduledAt,
    startedAt: result.startedAt,
    failureClass: result.failureClass,
    errorMessage: result.errorMessage,
    statusCode: result.statusCode,
    totalMs: result.timings.totalMs,
  };
}
