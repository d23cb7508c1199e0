import type { FieldIssue } from '../errors.ts';

/** Clocks of machines differ a little; what comes from the near future is taken as measured now. */
const MAX_AHEAD_MS = 5 * 60_000;
/** Each day has a partition of its own, made when something of it comes. */
const MAX_AGE_MS = 5 * 366 * 86_400_000;

/**
 * When the values of a batch were measured. That they come late is no fault: they are stored at their time.
 *
 * @param sentAt as the agent says, or null; both in UTC milliseconds
 */
export function measuredAt(sentAt: number | null, receivedAt: number): number {
  return Math.min(sentAt ?? receivedAt, receivedAt);
}

/** @returns what is wrong with `sent_at`, or null */
export function sentAtIssue(
  sentAt: number | null,
  receivedAt: number,
  loc: FieldIssue['loc'],
): FieldIssue | null {
  if (sentAt === null) return null;
  const aheadMs = sentAt - receivedAt;
  if (aheadMs > MAX_AHEAD_MS) {
    const msg = `Input should be at most 5 minutes in the future, and is ${Math.round(aheadMs / 60_000)} minutes ahead of the server: set the clock of the machine`;
    return { loc, msg, type: 'datetime_future' };
  }
  if (-aheadMs > MAX_AGE_MS) {
    return { loc, msg: 'Input should be at most 5 years in the past', type: 'datetime_too_old' };
  }
  return null;
}
