import type { TargetState } from './targetState.ts';
import type { WatchSummary } from './watching.ts';

/** What only the workflow of a target knows. */
interface WorkflowWords {
  readonly checking?: boolean;
  readonly unrecorded?: number;
  readonly watchedUntil?: number | null;
  readonly lastWatch?: WatchSummary | null;
}

/**
 * What a monitor does, in words for whoever looks at night: "up, 200 in 34 ms, next check 12:00:05".
 * Times are UTC.
 */
export function describeTarget(
  state: TargetState,
  nextCheckAt: number | null,
  extra: WorkflowWords = {},
): string {
  const parts = [describeStatus(state)];
  if (state.status !== 'paused') {
    const found = describeLastCheck(state);
    if (found !== null) parts.push(found);
    parts.push(...describePlan(nextCheckAt, extra));
  }
  if (extra.lastWatch !== undefined && extra.lastWatch !== null) parts.push(describeWatch(extra.lastWatch));
  if (extra.unrecorded !== undefined && extra.unrecorded > 0) {
    parts.push(
      `${extra.unrecorded} ${extra.unrecorded === 1 ? 'result waits' : 'results wait'} for Postgres`,
    );
  }
  return parts.join(', ');
}

function describePlan(nextCheckAt: number | null, { checking, watchedUntil }: WorkflowWords): string[] {
  const isWatched = watchedUntil !== undefined && watchedUntil !== null;
  const watched = isWatched ? [`watched until ${clockTime(watchedUntil)}`] : [];
  if (checking === true) return [...watched, 'checking now'];
  return isWatched || nextCheckAt === null ? watched : [`next check ${clockTime(nextCheckAt)}`];
}

/** "last watch 180 of 180 ok, p50 3 ms, p99 9 ms". */
function describeWatch({ checks, ok, p50Ms, p99Ms }: WatchSummary): string {
  const latency = p50Ms === null || p99Ms === null ? '' : `, p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
  return `last watch ${ok} of ${checks} ok${latency}`;
}

function describeStatus(state: TargetState): string {
  if (state.status === 'down' && state.lastStateChangeAt !== null) {
    return `down since ${wholeTime(state.lastStateChangeAt)}`;
  }
  if (state.status === 'unknown' && state.lastCheck === null) return 'waiting for the first check';
  return state.status;
}

function describeLastCheck(state: TargetState): string | null {
  const { lastCheck, status, consecutiveFailures, consecutivePasses } = state;
  if (lastCheck === null) return null;
  if (lastCheck.failureClass === null) {
    const recovering = status === 'down' ? ` (${consecutivePasses} in a row, to be confirmed)` : '';
    return `${lastCheck.statusCode ?? 'answer'} in ${lastCheck.totalMs} ms${recovering}`;
  }
  const why = lastCheck.errorMessage ?? lastCheck.failureClass;
  if (lastCheck.failureClass === 'monitor') return `last check failed on our side: ${why}`;
  const streak = status === 'down' ? '' : ` (${consecutiveFailures} in a row, to be confirmed)`;
  return `${lastCheck.failureClass}: ${why}${streak}`;
}

/** "12:00:05", of UTC milliseconds. */
export function clockTime(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

/** "2026-01-01T12:00:05Z". */
export function wholeTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
