/**
 * Why a check failed. `monitor` stands apart: it is our own fault (no database for a cold cache, no
 * network of our own) and never counts against the target.
 */
export const FAILURE_CLASSES = [
  'dns',
  'connect',
  'tls',
  'timeout',
  'http_status',
  'too_many_redirects',
  'protocol',
  'body_too_large',
  'monitor',
] as const;
export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** A scheduled check has a slot; a manual one ("check now") is extra and keeps the phase. */
export type CheckKind = 'scheduled' | 'manual';

/** Milliseconds each part took; null where the check did not come that far (or needed none of it). */
interface CheckTimings {
  readonly dnsMs: number | null;
  readonly tcpMs: number | null;
  readonly tlsMs: number | null;
  readonly firstByteMs: number | null;
  readonly totalMs: number;
}

/** What one look at a target found. A failed check is an outcome, never a thrown error. */
export interface ProbeOutcome {
  /** UTC milliseconds, from the worker's clock. */
  readonly startedAt: number;
  /** null means that the check passed. */
  readonly failureClass: FailureClass | null;
  /** One sentence for a person, without secrets; null when the check passed. */
  readonly errorMessage: string | null;
  /** null when there was no HTTP answer. */
  readonly statusCode: number | null;
  readonly timings: CheckTimings;
  /** UTC milliseconds at which the server's certificate ends; null without TLS. */
  readonly certificateExpiresAt: number | null;
}

/** A check is identified by its target and `scheduledAt`, its slot in UTC milliseconds of workflow time. */
export interface CheckResult extends ProbeOutcome {
  readonly scheduledAt: number;
  readonly kind: CheckKind;
}

/** Inclusive ranges of HTTP status codes; null stands for 200–399. */
export type AcceptedStatusCodes = readonly (readonly [low: number, high: number])[] | null;

export function isAcceptedStatusCode(code: number, accepted: AcceptedStatusCodes): boolean {
  return (accepted ?? [[200, 399]]).some(([low, high]) => code >= low && code <= high);
}
