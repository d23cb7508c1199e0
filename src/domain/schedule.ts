/**
 * What a target's workflow knows of its target: when to look and how to judge, never where or with which
 * secrets. `version` grows with every change that matters to the checks.
 */
export interface TargetSchedule {
  readonly version: number;
  /** For people in the Temporal UI; a new name alone makes no new version. */
  readonly name: string;
  readonly isActive: boolean;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  /** Applies between a first failure and DOWN. */
  readonly retryIntervalSeconds: number;
  /** Failures in a row until DOWN; from the client's settings. */
  readonly failureThreshold: number;
  /** Passes in a row until UP again. */
  readonly recoveryThreshold: number;
}

/** After an outage of ours, overdue checks are spread over at most this long. */
const CATCH_UP_SPREAD_MS = 10_000;

/**
 * The target's own place within its interval, kept for good, so that thousands of targets do not all
 * fall due in the same second.
 *
 * @returns milliseconds in [0, interval).
 */
export function phaseMs(targetId: string, intervalMs: number): number {
  return hash(targetId) % intervalMs;
}

/** The first regular slot strictly after `afterMs`; all in UTC milliseconds. */
export function nextSlot(targetId: string, intervalMs: number, afterMs: number): number {
  const phase = phaseMs(targetId, intervalMs);
  return Math.floor((afterMs - phase) / intervalMs + 1) * intervalMs + phase;
}

/**
 * Which slot to serve now that the workflow is awake. Missed slots are skipped, not caught up. A check that is
 * late by less than its interval runs at once; after a longer absence the target is looked at soon, but not in
 * the same instant as all others, and in its regular slot where that comes about as soon.
 *
 * @param slot when the check was due, UTC milliseconds
 * @param now UTC milliseconds
 */
export function dueSlot(targetId: string, intervalMs: number, slot: number, now: number): number {
  return now - slot < intervalMs ? slot : catchUpSlot(targetId, intervalMs, now);
}

/** When to look again after an outage of ours, at which many targets are overdue at once; UTC milliseconds. */
export function catchUpSlot(targetId: string, intervalMs: number, now: number): number {
  const spread = Math.min(intervalMs, CATCH_UP_SPREAD_MS);
  const early = now + (hash(`${targetId}/catch-up`) % spread);
  const regular = nextSlot(targetId, intervalMs, now);
  return regular - early < spread / 2 ? regular : early;
}

/** FNV-1a, 32 bits: the same in every process and in every replay. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
