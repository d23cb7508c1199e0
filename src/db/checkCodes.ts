import type { CheckKind, FailureClass } from '../domain/check.ts';

/** How `checks` writes an outcome in one byte; `psql` shows the letter. */
const OUTCOME_CODES = {
  dns: 'd',
  connect: 'c',
  tls: 's',
  timeout: 't',
  http_status: 'h',
  too_many_redirects: 'r',
  protocol: 'p',
  body_too_large: 'b',
  monitor: 'm',
} as const satisfies Record<FailureClass, string>;

export const PASSED_CODE = 'k';
export const MONITOR_CODE = OUTCOME_CODES.monitor;

const KIND_CODES = { scheduled: 's', manual: 'm' } as const satisfies Record<CheckKind, string>;

const FAILURE_CLASS_BY_CODE = new Map<string, FailureClass>(
  Object.entries(OUTCOME_CODES).map(([failureClass, code]) => [code, failureClass as FailureClass]),
);

export function outcomeCode(failureClass: FailureClass | null): string {
  return failureClass === null ? PASSED_CODE : OUTCOME_CODES[failureClass];
}

/** @returns null for a check that passed */
export function failureClassOf(code: string): FailureClass | null {
  return FAILURE_CLASS_BY_CODE.get(code) ?? null;
}

export function kindCode(kind: CheckKind): string {
  return KIND_CODES[kind];
}

export function kindOf(code: string): CheckKind {
  return code === KIND_CODES.manual ? 'manual' : 'scheduled';
}

const SMALLINT_MAX = 32_767;
const INTEGER_MAX = 2_147_483_647;
const ABSENT = -1;

/** Milliseconds (or a status code) in two bytes: saturates, -1 for absent. */
export function toSmallint(value: number | null): number {
  return value === null ? ABSENT : Math.min(Math.max(Math.round(value), 0), SMALLINT_MAX);
}

/** Milliseconds in four bytes, negative ones included: saturates. */
export function toInteger(value: number): number {
  return Math.min(Math.max(Math.round(value), -INTEGER_MAX), INTEGER_MAX);
}

export function fromSmallint(value: number): number | null {
  return value === ABSENT ? null : value;
}
