import { nextSlot } from '../domain/schedule.ts';

/** On top of a machine's own place in the interval, each post is late by up to this share of it. */
const JITTER_SHARE = 0.1;
/** A third of the server's default threshold: one post may be lost, and the next one late. */
const LONGEST_SAFE_INTERVAL_MS = 100_000;

/**
 * How long until the first post: each machine has its own place within the interval, by its name, so that thousands
 * that were started at once do not post at once.
 *
 * @param now UTC milliseconds
 */
export function firstSlotInMs(hostname: string, intervalMs: number, now: number): number {
  return nextSlot(hostname, intervalMs, now) - now;
}

/** @returns what is wrong with so long an interval, or null */
export function intervalWarning(intervalMs: number): string | null {
  if (intervalMs <= LONGEST_SAFE_INTERVAL_MS) return null;
  return `interval_seconds is ${intervalMs / 1_000}, and the server's default counts a machine as down after 5 minutes of silence: keep it below a third of heartbeat_threshold_minutes there.`;
}

/**
 * The slot after this one. Those that have passed, because the machine slept or a command took long, are skipped.
 *
 * @param slot and `now` are milliseconds of a clock that never jumps
 */
export function slotAfter(slot: number, intervalMs: number, now: number): number {
  const passed = Math.max(0, Math.floor((now - slot) / intervalMs));
  return slot + (passed + 1) * intervalMs;
}

/** How much later than its slot a post goes out; always before the next slot. */
export function jitterMs(intervalMs: number, random: () => number): number {
  return random() * intervalMs * JITTER_SHARE;
}
