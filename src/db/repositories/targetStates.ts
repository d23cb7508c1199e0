import { sql, type Kysely } from 'kysely';
import type { FailureClass } from '../../domain/check.ts';
import { lastSlotOf, type TargetState, type TargetStatus } from '../../domain/targetState.ts';
import type { DecidedState } from './checkToRecord.ts';

/**
 * The state `b` of an active target `k`. A row that still says "paused" is one that a late write left behind:
 * a check of an active target would otherwise be ignored for ever.
 */
export const KNOWN_STATE = sql`
  case when b.status = 'paused' then 'unknown' else b.status end as status,
  b.consecutive_failures, b.consecutive_passes, b.episode,
  (extract(epoch from b.last_scheduled_at) * 1000)::float8 as last_scheduled_ms,
  (extract(epoch from b.last_check_at) * 1000)::float8 as last_check_ms,
  b.last_failure_class, b.last_error_message, b.last_status_code, b.last_response_time_ms,
  (extract(epoch from b.last_state_change_at) * 1000)::float8 as last_state_change_ms,
  (extract(epoch from b.certificate_expires_at) * 1000)::float8 as certificate_expires_ms`;

export interface KnownStateRow {
  status: Exclude<TargetStatus, 'paused'>;
  consecutive_failures: number;
  consecutive_passes: number;
  episode: number;
  last_scheduled_ms: number | null;
  last_check_ms: number | null;
  last_failure_class: FailureClass | null;
  last_error_message: string | null;
  last_status_code: number | null;
  last_response_time_ms: number | null;
  last_state_change_ms: number | null;
  certificate_expires_ms: number | null;
}

export function toKnownState(row: KnownStateRow): TargetState {
  const { last_scheduled_ms: scheduledAt, last_check_ms: startedAt } = row;
  return {
    status: row.status,
    consecutiveFailures: row.consecutive_failures,
    consecutivePasses: row.consecutive_passes,
    episode: row.episode,
    lastCheck:
      scheduledAt === null || startedAt === null
        ? null
        : {
            scheduledAt,
            startedAt,
            failureClass: row.last_failure_class,
            errorMessage: row.last_error_message,
            statusCode: row.last_status_code,
            totalMs: row.last_response_time_ms ?? 0,
          },
    lastStateChangeAt: row.last_state_change_ms === null ? null : Math.round(row.last_state_change_ms),
    certificateExpiresAt: row.certificate_expires_ms,
  };
}

/** Postgres text holds no NUL. */
export function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll('\0', '');
}

/** Somebody else has decided about the same target since its row was read: read it again. */
export class StateRacedError extends Error {
  override readonly name = 'StateRacedError';
}

/** What was decided, from the row as it was after the check of `seenSlot` (UTC milliseconds). */
export type DecidedFromRow = DecidedState & { readonly seenSlot: number | null };

/**
 * An older check never overwrites what a newer one decided.
 *
 * @throws StateRacedError when a row has changed since it was read, so that no failure is counted for nothing
 */
export async function writeStates(
  db: Kysely<object>,
  decided: ReadonlyMap<number, DecidedFromRow>,
): Promise<void> {
  const entries = [...decided]
    .map(([key, entry]) => ({ key, ...entry }))
    .filter(({ state, seenSlot }) => seenSlot === null || seenSlot < lastSlotOf(state));
  if (entries.length === 0) return;
  const column = <T>(of: (entry: DecidedFromRow & { key: number }) => T): T[] => entries.map(of);
  const time = (at: number | null | undefined): string | null =>
    at === null || at === undefined ? null : new Date(at).toISOString();
  const { numAffectedRows } = await sql`
    update http_target_states s set
      status = d.status, consecutive_failures = d.failures, consecutive_passes = d.passes, episode = d.episode,
      last_scheduled_at = d.scheduled_at, last_check_at = d.check_at, last_failure_class = d.failure_class,
      last_error_message = d.error_message, last_status_code = d.status_code,
      last_response_time_ms = d.response_time_ms, last_state_change_at = d.state_change_at,
      next_check_at = d.next_check_at, certificate_expires_at = d.certificate_expires_at
    from unnest(
      ${column(({ key }) => key)}::int[],
      ${column(({ state }) => state.status)}::text[],
      ${column(({ state }) => state.consecutiveFailures)}::int[],
      ${column(({ state }) => state.consecutivePasses)}::int[],
      ${column(({ state }) => state.episode)}::int[],
      ${column(({ state }) => time(state.lastCheck?.scheduledAt))}::timestamptz[],
      ${column(({ state }) => time(state.lastCheck?.startedAt))}::timestamptz[],
      ${column(({ state }) => state.lastCheck?.failureClass ?? null)}::text[],
      ${column(({ state }) => storable(state.lastCheck?.errorMessage ?? null))}::text[],
      ${column(({ state }) => state.lastCheck?.statusCode ?? null)}::int[],
      ${column(({ state }) => state.lastCheck?.totalMs ?? null)}::int[],
      ${column(({ state }) => time(state.lastStateChangeAt))}::timestamptz[],
      ${column(({ nextCheckAt }) => time(nextCheckAt))}::timestamptz[],
      ${column(({ state }) => time(state.certificateExpiresAt))}::timestamptz[],
      ${column(({ seenSlot }) => time(seenSlot))}::timestamptz[]
    ) as d (key, status, failures, passes, episode, scheduled_at, check_at, failure_class, error_message,
      status_code, response_time_ms, state_change_at, next_check_at, certificate_expires_at, seen_at)
    where s.target_key = d.key and s.last_scheduled_at is not distinct from d.seen_at
  `.execute(db);
  if (Number(numAffectedRows ?? 0n) < entries.length) {
    throw new StateRacedError('A target was decided about by somebody else at the same time.');
  }
}
