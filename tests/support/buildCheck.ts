import type { CheckTargetAnswer, CheckTargetInput } from '../../src/activities/contracts.ts';
import type { CheckResult } from '../../src/domain/check.ts';
import type { TargetSchedule } from '../../src/domain/schedule.ts';
import { decideCheck } from '../../src/domain/targetState.ts';

export function buildSchedule(overrides: Partial<TargetSchedule> = {}): TargetSchedule {
  return {
    version: 1,
    name: 'shop',
    isActive: true,
    intervalSeconds: 300,
    timeoutSeconds: 30,
    retryIntervalSeconds: 30,
    failureThreshold: 2,
    recoveryThreshold: 1,
    ...overrides,
  };
}

/** A check that passed in 34 ms. */
export function buildResult(overrides: Partial<CheckResult> = {}): CheckResult {
  const scheduledAt = overrides.scheduledAt ?? Date.UTC(2026, 0, 1);
  return {
    scheduledAt,
    kind: 'scheduled',
    startedAt: scheduledAt,
    failureClass: null,
    errorMessage: null,
    statusCode: 200,
    timings: { dnsMs: 1, tcpMs: 2, tlsMs: null, firstByteMs: 30, totalMs: 34 },
    certificateExpiresAt: null,
    ...overrides,
  };
}

/** A check that met a closed port. */
export function buildFailure(overrides: Partial<CheckResult> = {}): CheckResult {
  return buildResult({
    failureClass: 'connect',
    errorMessage: 'Connection refused by 127.0.0.1:1',
    statusCode: null,
    timings: { dnsMs: null, tcpMs: null, tlsMs: null, firstByteMs: null, totalMs: 1 },
    ...overrides,
  });
}

/** What the activity answers when Postgres takes the result. */
export function recordedAnswer(
  input: CheckTargetInput,
  result: CheckResult,
  failureThreshold = 2,
): CheckTargetAnswer {
  const state = decideCheck(null, input.state, result, { ...input.schedule, failureThreshold });
  return { kind: 'checked', result, recorded: { state, failureThreshold } };
}

/** What it answers when Postgres does not commit in time. */
export function unrecordedAnswer(result: CheckResult): CheckTargetAnswer {
  return { kind: 'checked', result, recorded: null };
}
