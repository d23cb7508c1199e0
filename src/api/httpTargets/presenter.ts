import type { z } from 'zod';
import { httpTargetWorkflowId, temporalUiUrl } from '../../../temporal/names.ts';
import type { Config } from '../../config.ts';
import type { StoredCheck } from '../../db/repositories/checkHistory.ts';
import type { Target as StoredTarget } from '../../db/repositories/httpTargetRow.ts';
import type { FailureClass } from '../../domain/check.ts';
import { stateOf } from '../../db/workflowView.ts';
import type { TargetStatus } from '../../domain/targetState.ts';
import { describeTarget } from '../../domain/words.ts';
import { MASK, METHODS } from './fields.ts';
import type { Check, CheckNow, Target, TargetDetail } from './schema.ts';

type Presented<S extends z.ZodType> = z.output<S>;

const FAILURE_LABELS: Readonly<Record<Exclude<FailureClass, 'http_status'>, string>> = {
  dns: 'DNS error',
  connect: 'Connection failed',
  tls: 'TLS error',
  timeout: 'Timeout',
  too_many_redirects: 'Too many redirects',
  protocol: 'Protocol error',
  body_too_large: 'Body too large',
  monitor: 'Monitor error',
};

/** @param now UTC milliseconds */
export function presentTarget(target: StoredTarget, now: number): Presented<typeof Target> {
  const wasChecked = target.lastCheckAt !== null;
  return {
    id: target.id,
    name: target.name,
    url: target.url,
    method: toMethod(target.method),
    accepted_status_codes: target.acceptedStatusCodes?.map(([low, high]) => [low, high]) ?? null,
    timeout_seconds: target.timeoutSeconds,
    check_interval_seconds: target.checkIntervalSeconds,
    is_active: target.isActive,
    is_up: target.status === 'up',
    is_pending: target.isActive && !wasChecked,
    last_check_at: toTime(target.lastCheckAt),
    last_check_age_sec: ageSeconds(target.lastCheckAt, now),
    last_state_change_age_sec: ageSeconds(target.lastStateChangeAt, now),
    last_status_code: wasChecked ? (target.lastStatusCode ?? 0) : null,
    last_status_label: wasChecked ? statusLabel(target.lastFailureClass, target.lastStatusCode) : null,
    last_response_time_ms: target.lastResponseTimeMs,
    last_error_message: target.lastErrorMessage,
    status_message: describeTarget(stateOf(target), target.nextCheckAt?.getTime() ?? null),
    status: presentStatus(target.status),
    failure_class: target.lastFailureClass,
    consecutive_failures: target.consecutiveFailures,
    last_state_change_at: toTime(target.lastStateChangeAt),
    next_check_at: toTime(target.nextCheckAt),
    certificate_expires_at: toTime(target.certificateExpiresAt),
    tags: [...target.tags],
    created_at: target.createdAt.toISOString(),
    updated_at: target.updatedAt.toISOString(),
  };
}

/** With the configuration. Header and body values may hold secrets: they are masked. */
export function presentTargetDetail(
  target: StoredTarget,
  extra: { readonly now: number; readonly uptime24h: number | null; readonly temporal: Config['temporal'] },
): Presented<typeof TargetDetail> {
  const workflowId = httpTargetWorkflowId(target.id);
  const { headers } = target;
  return {
    ...presentTarget(target, extra.now),
    retry_interval_seconds: target.retryIntervalSeconds,
    recovery_threshold: target.recoveryThreshold,
    headers: headers && Object.fromEntries(Object.keys(headers).map((name) => [name, MASK])),
    body: target.body === null ? null : MASK,
    follow_redirects: target.followRedirects,
    verify_tls: target.verifyTls,
    workflow_id: workflowId,
    temporal_url: temporalUiUrl(extra.temporal.uiUrl, extra.temporal.namespace, workflowId),
    uptime_24h: extra.uptime24h,
  };
}

export function presentCheck(check: StoredCheck): Presented<typeof Check> {
  const { dnsMs, tcpMs, tlsMs, firstByteMs, totalMs } = check.timings;
  return {
    scheduled_at: new Date(check.scheduledAt).toISOString(),
    started_at: new Date(check.startedAt).toISOString(),
    ok: check.failureClass === null,
    status_code: check.statusCode,
    failure_class: check.failureClass,
    error_message: check.errorMessage,
    dns_ms: whole(dnsMs),
    tcp_ms: whole(tcpMs),
    tls_ms: whole(tlsMs),
    first_byte_ms: whole(firstByteMs),
    total_ms: Math.round(totalMs),
    kind: check.kind,
  };
}

export function presentCheckNow(check: StoredCheck, status: TargetStatus): Presented<typeof CheckNow> {
  return { ...presentCheck(check), status: presentStatus(status) };
}

function presentStatus(status: TargetStatus): Presented<typeof Target>['status'] {
  return ({ up: 'UP', down: 'DOWN', unknown: 'UNKNOWN', paused: 'PAUSED' } as const)[status];
}

function statusLabel(failureClass: FailureClass | null, statusCode: number | null): string {
  if (failureClass === null) return 'OK';
  if (failureClass === 'http_status') return `HTTP ${statusCode ?? 'error'}`;
  return FAILURE_LABELS[failureClass];
}

function toMethod(method: string): (typeof METHODS)[number] {
  return METHODS.find((known) => known === method) ?? 'GET';
}

function toTime(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}

function ageSeconds(date: Date | null, now: number): number | null {
  return date === null ? null : Math.max(0, Math.floor((now - date.getTime()) / 1_000));
}

function whole(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds);
}
