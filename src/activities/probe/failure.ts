import type { FailureClass } from '../../domain/check.ts';

const MAX_MESSAGE_LENGTH = 500;

/** Why a check failed, in the words that its owner reads. Caught by `probe`, which makes an outcome of it. */
export class ProbeFailure extends Error {
  override readonly name = 'ProbeFailure';
  readonly failureClass: FailureClass;

  /** @param message one sentence without a full stop; names come from outside and are cleaned here. */
  constructor(failureClass: FailureClass, message: string) {
    super(oneLine(message));
    this.failureClass = failureClass;
  }
}

/** Ends a stage whose signal was aborted. Whether by the deadline or by the caller, `probe` knows. */
export class ProbeStopped extends Error {
  override readonly name = 'ProbeStopped';
}

/** Without control characters, and short enough to store. */
function oneLine(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
  return clean.length <= MAX_MESSAGE_LENGTH ? clean : `${clean.slice(0, MAX_MESSAGE_LENGTH - 1)}…`;
}

/** The code of a system, DNS, TLS or undici error, or an empty string. */
export function errorCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** A text property of an error that comes from outside, or an empty string. */
export function errorText(error: unknown, property: 'message' | 'reason' | 'data'): string {
  if (typeof error !== 'object' || error === null) return '';
  const text: unknown = Reflect.get(error, property);
  return typeof text === 'string' ? text : '';
}

/**
 * A URL as messages may show it, which go into rows, answers and Temporal's histories: all but scheme and host
 * may hold secrets (of a webhook the path is one).
 */
export function displayUrl(url: URL): string {
  return `${url.protocol}//${url.host}`;
}

/** Faults that can only be our own machine's; null for all others. */
export function ownFault(code: string): ProbeFailure | null {
  switch (code) {
    case 'EMFILE':
    case 'ENFILE':
      return new ProbeFailure('monitor', `The monitoring server has no file descriptors left (${code})`);
    case 'ENOBUFS':
    case 'ENOMEM':
      return new ProbeFailure(
        'monitor',
        `The monitoring server has no memory left for connections (${code})`,
      );
    default:
      return null;
  }
}
