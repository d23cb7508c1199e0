import { sql } from 'kysely';
import type { AcceptedStatusCodes, FailureClass } from '../../domain/check.ts';
import type { TargetStatus } from '../../domain/targetState.ts';
import type { SecretBox } from '../encryption.ts';

/** What its owner says of a target. Header and body values are plain here and sealed in the table. */
export interface TargetDefinition {
  readonly name: string;
  readonly url: string;
  readonly method: string;
  readonly timeoutSeconds: number;
  readonly checkIntervalSeconds: number;
  readonly retryIntervalSeconds: number;
  readonly recoveryThreshold: number;
  readonly acceptedStatusCodes: AcceptedStatusCodes;
  readonly followRedirects: boolean;
  readonly verifyTls: boolean;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly body: string | null;
  readonly tags: readonly string[];
  readonly isActive: boolean;
}

/** A target with what its checks have decided so far. Times are Dates, durations in the unit of the name. */
export interface Target extends TargetDefinition {
  readonly id: string;
  readonly clientId: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** PAUSED as soon as the owner said so, whatever the last check decided. */
  readonly status: TargetStatus;
  readonly consecutiveFailures: number;
  readonly consecutivePasses: number;
  readonly episode: number;
  readonly lastScheduledAt: Date | null;
  readonly lastCheckAt: Date | null;
  readonly lastFailureClass: FailureClass | null;
  readonly lastErrorMessage: string | null;
  readonly lastStatusCode: number | null;
  readonly lastResponseTimeMs: number | null;
  readonly lastStateChangeAt: Date | null;
  readonly nextCheckAt: Date | null;
  readonly certificateExpiresAt: Date | null;
}

export const SELECT_TARGET = sql`
  select t.*, s.status, s.consecutive_failures, s.consecutive_passes, s.episode, s.last_scheduled_at,
    s.last_check_at, s.last_failure_class, s.last_error_message, s.last_status_code, s.last_response_time_ms,
    s.last_state_change_at, s.next_check_at, s.certificate_expires_at
  from http_targets t join http_target_states s on s.target_key = t.key
  where t.deleted_at is null`;

/** Columns as `pg` gives them under MikroORM: timestamps as text, bytea as Buffer, jsonb parsed. */
export interface TargetRow {
  id: string;
  client_id: string;
  version: number;
  name: string;
  url: string;
  method: string;
  timeout_seconds: number;
  check_interval_seconds: number;
  retry_interval_seconds: number;
  recovery_threshold: number;
  accepted_status_codes: [number, number][] | null;
  follow_redirects: boolean;
  verify_tls: boolean;
  headers_encrypted: Buffer | null;
  body_encrypted: Buffer | null;
  tags: string[];
  is_active: boolean;
  created_at: string;
  updated_at: string;
  status: TargetStatus;
  consecutive_failures: number;
  consecutive_passes: number;
  episode: number;
  last_scheduled_at: string | null;
  last_check_at: string | null;
  last_failure_class: FailureClass | null;
  last_error_message: string | null;
  last_status_code: number | null;
  last_response_time_ms: number | null;
  last_state_change_at: string | null;
  next_check_at: string | null;
  certificate_expires_at: string | null;
}

/**
 * The sealed columns are opened when they are read: a list that shows none of them opens none.
 *
 * @throws SecretUnreadableError on reading `headers` or `body` that were sealed with another key
 */
export function toTarget(row: TargetRow, secrets: SecretBox): Target {
  const opened = (sealed: Buffer | null): string | null =>
    sealed === null ? null : secrets.open(sealed, row.id);
  return {
    id: row.id,
    clientId: row.client_id,
    version: row.version,
    name: row.name,
    url: row.url,
    method: row.method,
    timeoutSeconds: row.timeout_seconds,
    checkIntervalSeconds: row.check_interval_seconds,
    retryIntervalSeconds: row.retry_interval_seconds,
    recoveryThreshold: row.recovery_threshold,
    acceptedStatusCodes: row.accepted_status_codes,
    followRedirects: row.follow_redirects,
    verifyTls: row.verify_tls,
    get headers() {
      const headers = opened(row.headers_encrypted);
      return headers === null ? null : (JSON.parse(headers) as Record<string, string>);
    },
    get body() {
      return opened(row.body_encrypted);
    },
    tags: row.tags,
    isActive: row.is_active,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
    status: row.is_active ? (row.status === 'paused' ? 'unknown' : row.status) : 'paused',
    consecutiveFailures: row.consecutive_failures,
    consecutivePasses: row.consecutive_passes,
    episode: row.episode,
    lastScheduledAt: toDate(row.last_scheduled_at),
    lastCheckAt: toDate(row.last_check_at),
    lastFailureClass: row.last_failure_class,
    lastErrorMessage: row.last_error_message,
    lastStatusCode: row.last_status_code,
    lastResponseTimeMs: row.last_response_time_ms,
    lastStateChangeAt: toDate(row.last_state_change_at),
    nextCheckAt: row.is_active ? toDate(row.next_check_at) : null,
    certificateExpiresAt: toDate(row.certificate_expires_at),
  };
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
