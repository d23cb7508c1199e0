import type { CheckResult } from '../../src/domain/check.ts';
import type { TargetSchedule } from '../../src/domain/schedule.ts';

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
