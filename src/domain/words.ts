import type { TargetState } from './targetState.ts';

/**
 * What a monitor does, in words for whoever looks at night: "up, 200 in 34 ms, next check 12:00:05".
 * Times are UTC.
 */
export function describeTarget(
  state: TargetState,
  nextCheckAt: number | null,
  extra: { readonly checking?: boolean; readonly unrecorded?: number } = {},
): string {
  const parts = [describeStatus(state)];
  if (state.status !== 'paused') {
    const found = describeLastCheck(state);
    if (found !== null) parts.push(found);
    if (extra.checking === true) parts.push('checking now');
    else if (nextCheckAt !== null) parts.push(`next check ${clockTime(nextCheckAt)}`);
  }
  if (extra.unrecorded !== undefined && extra.unrecorded > 0) {
    parts.push(
      `${extra.unrecorded} ${extra.unrecorded === 1 ? 'result waits' : 'results wait'} for Postgres`,
    );
  }
  return parts.join(', ');
}

function describeStatus(state: TargetState): string {
  if (state.status === 'down' && state.lastStateChangeAt !== null) {
    return `down since ${new Date(state.lastStateChangeAt).toISOString().slice(0, 19)}Z`;
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

function clockTime(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}
