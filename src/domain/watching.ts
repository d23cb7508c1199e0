import type { CheckResult } from './check.ts';
import type { TargetSchedule } from './schedule.ts';
import { isConfirmingFailure, type TargetState, type TargetStatus } from './targetState.ts';
import type { UnrecordedCheck } from './unrecordedChecks.ts';

/**
 * Why a watch ended. Only `window` and `certificate` leave a steady target behind; after everything else the
 * workflow steps.
 */
export type WatchEnd =
  /** Its time is over. */
  | 'window'
  /** The certificate came nearer to its end: 30, 14, 7, 1 days, over. */
  | 'certificate'
  /** The status changed. */
  | 'status'
  /** A first failure has to be confirmed. */
  | 'failure'
  /** Postgres has refused rows for a minute: they come back with the answer. */
  | 'postgresAway'
  /** The target has another version by now; the answer brings it. */
  | 'superseded'
  | 'deleted'
  /** The workflow has taken the target back. */
  | 'revoked'
  /** Its worker stops and could not hand everything over. */
  | 'stopping'
  /** Postgres did not take the watch, so it never began. */
  | 'notStarted';

/** What a watch saw, from the stored rows: latencies of the checks that passed. */
export interface WatchSummary {
  readonly checks: number;
  readonly ok: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** How late checks began after their slots. */
  readonly latenessP99Ms: number | null;
}

/** What a watch hands back to its workflow. */
export interface WatchedTarget {
  readonly end: WatchEnd;
  /** After the last check, those included that Postgres has not taken; null where nothing was decided. */
  readonly state: TargetState | null;
  /** The client's setting as of the last check that was recorded. */
  readonly failureThreshold: number | null;
  /** Oldest first. */
  readonly unrecorded: readonly UnrecordedCheck[];
  readonly summary: WatchSummary | null;
  /** Of a target that was superseded. */
  readonly schedule: TargetSchedule | null;
}

/** Checks in a row without a change until a target is handed to a watch. */
export const CHECKS_UNTIL_STEADY = 3;

/** How many checks in a row have left the target as it is, as far as its state tells. */
export function steadyChecks(state: TargetState): number {
  if (state.status !== 'up' && state.status !== 'down') return 0;
  const streak = state.status === 'up' ? state.consecutivePasses : state.consecutiveFailures;
  return Math.min(streak, CHECKS_UNTIL_STEADY);
}

const MINUTE_MS = 60_000;
const SHORTEST_WINDOW_MS = 30 * MINUTE_MS;
const LONGEST_WINDOW_MS = 12 * 60 * MINUTE_MS;
/** A window costs its workflow six events, so slow targets are watched for longer. */
const CHECKS_PER_WINDOW = 120;
const JITTER = 0.25;

/**
 * How long a watch lasts: 30 minutes, or 120 checks where that is longer, at most 12 hours, give or take a
 * quarter.
 *
 * @param random in [0, 1), so that windows that began together end apart
 * @returns milliseconds
 */
export function watchWindowMs(intervalMs: number, random: number): number {
  const base = Math.min(Math.max(SHORTEST_WINDOW_MS, CHECKS_PER_WINDOW * intervalMs), LONGEST_WINDOW_MS);
  return Math.round(base * (1 - JITTER + 2 * JITTER * random));
}

const CERTIFICATE_STAGES_DAYS = [30, 14, 7, 1, 0];
const DAY_MS = 24 * 60 * MINUTE_MS;

/** @returns how many of the stages (30, 14, 7, 1 days before its end, its end) a certificate has passed */
export function certificateStage(expiresAt: number | null, now: number): number {
  if (expiresAt === null) return 0;
  return CERTIFICATE_STAGES_DAYS.filter((days) => expiresAt - now <= days * DAY_MS).length;
}

/** What a watch is to tell its workflow after a check; null while the target goes on as it was. */
export function watchNews(
  began: { readonly status: TargetStatus; readonly certificateStage: number },
  state: TargetState,
  now: number,
): 'status' | 'failure' | 'certificate' | null {
  if (state.status !== began.status) return 'status';
  if (isConfirmingFailure(state)) return 'failure';
  return certificateStage(state.certificateExpiresAt, now) > began.certificateStage ? 'certificate' : null;
}

/** True where this check alone is no news: its row may wait for others. */
export function isRoutine(result: CheckResult, status: TargetStatus): boolean {
  return (result.failureClass === null) === (status === 'up');
}
