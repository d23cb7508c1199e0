import { nextSlot } from '../domain/schedule.ts';

/** On top of a machine's own place in the interval, each post is late by up to this share of it. */
const JITTER_SHARE = 0.1;

/**
 * How long until the first post: each machine has its own place within the interval, by its name, so that thousands
 * that were started at once do not post at once.
 *
 * @param now UTC milliseconds
 */
export function firstSlotInMs(hostname: string, intervalMs: number, now: number): number {
  return nextSlot(hostname, intervalMs, now) - now;
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
