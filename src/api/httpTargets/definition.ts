import type { TargetDefinition } from '../../db/repositories/httpTargetRow.ts';
import { unprocessable } from '../errors.ts';
import { MASK } from './fields.ts';

/** What a target gets that does not say itself. */
export interface TargetDefaults {
  readonly checkIntervalSeconds: number;
}

/** The fields of a request after parsing; `undefined` is "not sent". */
export interface SentFields {
  readonly name?: string | undefined;
  readonly url?: string | undefined;
  readonly method?: string | undefined;
  readonly timeout_seconds?: number | undefined;
  readonly check_interval_seconds?: number | undefined;
  readonly retry_interval_seconds?: number | undefined;
  readonly recovery_threshold?: number | undefined;
  readonly accepted_status_codes?: [number, number][] | null | undefined;
  readonly headers?: Record<string, string> | null | undefined;
  readonly body?: string | null | undefined;
  readonly follow_redirects?: boolean | undefined;
  readonly verify_tls?: boolean | undefined;
  readonly tags?: string[] | undefined;
  readonly is_active?: boolean | undefined;
}

/** A rule that takes more than one field to check, and that is broken. */
interface RuleIssue {
  /** The field to blame: one that was sent. */
  readonly field: keyof SentFields;
  /** Below the field: the name of a header. */
  readonly path?: string[];
  /** Every field that the rule looks at. */
  readonly reads: readonly (keyof SentFields)[];
  readonly type: string;
  readonly message: string;
}

interface Merged {
  readonly next: TargetDefinition;
  readonly issues: readonly RuleIssue[];
}

const DEFAULT_TIMEOUT_SECONDS = 30;
const DEFAULT_RETRY_SECONDS = 30;
const METHODS_WITHOUT_BODY = new Set(['GET', 'HEAD']);

/** A new target: what was sent on top of the defaults. Masks stand for nothing here. */
export function newDefinition(
  sent: SentFields & { readonly name: string; readonly url: string },
  defaults: TargetDefaults,
): Merged {
  const checkIntervalSeconds = sent.check_interval_seconds ?? defaults.checkIntervalSeconds;
  return changedDefinition(
    {
      name: sent.name,
      url: sent.url,
      method: 'GET',
      timeoutSeconds: Math.min(DEFAULT_TIMEOUT_SECONDS, checkIntervalSeconds),
      checkIntervalSeconds,
      retryIntervalSeconds: Math.min(DEFAULT_RETRY_SECONDS, checkIntervalSeconds),
      recoveryThreshold: 1,
      acceptedStatusCodes: null,
      followRedirects: true,
      verifyTls: true,
      headers: null,
      body: null,
      tags: [],
      isActive: true,
    },
    sent,
  );
}

/** A stored target with what was sent on top; a masked value stays as it is stored. */
export function changedDefinition(current: TargetDefinition, sent: SentFields): Merged {
  const issues: RuleIssue[] = [];
  const next: TargetDefinition = {
    name: sent.name ?? current.name,
    url: sent.url ?? current.url,
    method: sent.method ?? current.method,
    timeoutSeconds: sent.timeout_seconds ?? current.timeoutSeconds,
    checkIntervalSeconds: sent.check_interval_seconds ?? current.checkIntervalSeconds,
    retryIntervalSeconds: sent.retry_interval_seconds ?? current.retryIntervalSeconds,
    recoveryThreshold: sent.recovery_threshold ?? current.recoveryThreshold,
    acceptedStatusCodes:
      sent.accepted_status_codes === undefined ? current.acceptedStatusCodes : sent.accepted_status_codes,
    followRedirects: sent.follow_redirects ?? current.followRedirects,
    verifyTls: sent.verify_tls ?? current.verifyTls,
    headers: sent.headers === undefined ? current.headers : unmasked(sent.headers, current.headers, issues),
    body: sent.body === undefined ? current.body : unmaskedBody(sent.body, current.body, issues),
    tags: sent.tags ?? current.tags,
    isActive: sent.is_active ?? current.isActive,
  };
  return { next, issues };
}

/**
 * A change for `HttpTargetRepository.update`, which hands it the target as it is under its lock.
 *
 * @returns a function that throws ApiError 422 when the target would break a rule between its fields
 */
export function checkedChange(sent: SentFields): (current: TargetDefinition) => TargetDefinition {
  return (current) => {
    const { next, issues } = changedDefinition(current, sent);
    const broken = [...issues, ...ruleIssues(next, sent)];
    if (broken.length === 0) return next;
    throw unprocessable(
      broken.map(({ field, path = [], message, type }) => ({
        loc: ['body', field, ...path],
        msg: message,
        type,
      })),
    );
  };
}

/** The rules between fields. A rule none of whose fields was sent is not looked at: nothing could be changed. */
export function ruleIssues(next: TargetDefinition, sent: SentFields): RuleIssue[] {
  const issues: RuleIssue[] = [];
  const interval = next.checkIntervalSeconds;
  for (const [field, value] of [
    ['timeout_seconds', next.timeoutSeconds],
    ['retry_interval_seconds', next.retryIntervalSeconds],
  ] as const) {
    if (value <= interval) continue;
    const reads = [field, 'check_interval_seconds'] as const;
    if (sent[field] !== undefined) {
      const message = `Input should be less than or equal to check_interval_seconds (${interval})`;
      issues.push({ field, reads, type: 'less_than_equal', message });
    } else if (sent.check_interval_seconds !== undefined) {
      const message = `Input should be greater than or equal to ${field} (${value}): send a smaller ${field} as well`;
      issues.push({ field: 'check_interval_seconds', reads, type: 'greater_than_equal', message });
    }
  }
  if (next.body !== null && METHODS_WITHOUT_BODY.has(next.method)) {
    const reads = ['body', 'method'] as const;
    const type = 'body_not_allowed';
    if (sent.body !== undefined) {
      const message = `A ${next.method} request carries no body: leave it out, or choose another method`;
      issues.push({ field: 'body', reads, type, message });
    } else if (sent.method !== undefined) {
      const message = `A ${next.method} request carries no body: send "body": null as well`;
      issues.push({ field: 'method', reads, type, message });
    }
  }
  return issues;
}

function unmasked(
  sent: Record<string, string> | null,
  stored: TargetDefinition['headers'],
  issues: RuleIssue[],
): TargetDefinition['headers'] {
  if (sent === null) return null;
  const known = new Map(Object.entries(stored ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  const entries = Object.entries(sent).map(([name, value]) => {
    if (value !== MASK) return [name, value] as const;
    const kept = known.get(name.toLowerCase());
    if (kept === undefined) issues.push(maskedIssue('headers', [name]));
    return [name, kept ?? value] as const;
  });
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

function unmaskedBody(sent: string | null, stored: string | null, issues: RuleIssue[]): string | null {
  if (sent !== MASK) return sent;
  if (stored === null) issues.push(maskedIssue('body'));
  return stored;
}

function maskedIssue(field: 'headers' | 'body', path: string[] = []): RuleIssue {
  return {
    field,
    path,
    reads: [field],
    type: 'masked_value',
    message: 'A masked value stands for one that is stored, and there is none: send the value itself',
  };
}
