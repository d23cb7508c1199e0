import { z } from 'zod';
import { parseRetryAfter } from './backoff.ts';

const MAX_QUOTED_LENGTH = 500;

/** What a server said to a batch, or that it said nothing. */
export type Answer =
  | { readonly kind: 'taken'; readonly duplicate: boolean }
  /** This batch will never be taken. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It may be taken later. */
  | {
      readonly kind: 'later';
      readonly problem: string;
      /** What the server asked for, in milliseconds. */
      readonly retryAfterMs: number | null;
      /** Somebody has to do something first: trying soon is of no use. */
      readonly needsSomebody: boolean;
    };

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Its first kilobytes. */
  readonly text: string;
}

const Problem = z.object({
  detail: z.union([
    z.string(),
    z.object({ message: z.string() }).transform(({ message }) => message),
    z
      .array(z.object({ loc: z.array(z.union([z.string(), z.number()])), msg: z.string() }))
      .transform((issues) => issues.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ')),
  ]),
});

/** @param now UTC milliseconds, for a Retry-After that is a date */
export function understand({ status, headers, text }: HttpAnswer, now: number): Answer {
  if (status >= 200 && status < 300) return { kind: 'taken', duplicate: status === 200 };
  const said = reasonOf(text);
  const reason = said === '' ? `it answers ${status}` : `it answers ${status}: ${said}`;
  if (status === 422 || status === 413) return { kind: 'refused', reason };
  const header = headers['retry-after'];
  return {
    kind: 'later',
    problem: advice(status, reason, headers['location']),
    retryAfterMs: parseRetryAfter(typeof header === 'string' ? header : undefined, now),
    needsSomebody: status < 500 && status !== 429 && status !== 408,
  };
}

/** Nothing was answered. @param message without anything of the request */
export function unanswered(message: string): Answer {
  return { kind: 'later', problem: message, retryAfterMs: null, needsSomebody: false };
}

function advice(status: number, reason: string, location: string | string[] | undefined): string {
  if (status === 401 || status === 403) return `the API key is not accepted (${reason}): give it a valid one`;
  // Following it could hand the key to somebody else.
  if (status >= 300 && status < 400) {
    return `it sends us on to ${String(location ?? 'nowhere')}: set server to the address that answers itself`;
  }
  if (status === 404 || status === 405)
    return `no ingest was found there (${reason}): check the setting server`;
  return reason;
}

function reasonOf(text: string): string {
  const parsed = Problem.safeParse(parseJson(text));
  return (parsed.success ? parsed.data.detail : '').slice(0, MAX_QUOTED_LENGTH);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
