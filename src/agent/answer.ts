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
      /** What may be wrong with this batch alone. */
      readonly suspect: Suspect | null;
    };

/** `clock`: its time is in the future of the server. `content`: the server may fail at this one each time. */
export type Suspect = 'clock' | 'content';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Its first kilobytes. */
  readonly text: string;
}

const Issue = z.object({
  loc: z.array(z.union([z.string(), z.number()])),
  msg: z.string(),
  type: z.string().optional(),
});
const Problem = z.object({
  detail: z.union([
    z.string(),
    z.object({ message: z.string() }).transform(({ message }) => message),
    z.array(Issue),
  ]),
});
type Detail = z.output<typeof Problem>['detail'];

/** What ingest says to a batch that it has. Anybody may answer 200: a proxy, another server behind a wrong address. */
const Receipt = z.object({ status: z.enum(['accepted', 'duplicate']), ingest_id: z.string() });

/**
 * @param ingestId of the batch: only who names it has it
 * @param now UTC milliseconds, for a Retry-After that is a date
 */
export function understand({ status, headers, text }: HttpAnswer, ingestId: string, now: number): Answer {
  if (status >= 200 && status < 300) {
    const receipt = Receipt.safeParse(parseJson(text));
    const isOurs = receipt.success && receipt.data.ingest_id === ingestId;
    return isOurs ? { kind: 'taken', duplicate: receipt.data.status === 'duplicate' } : somebodyElse(status);
  }
  const detail = detailOf(text);
  if (status === 422 && isAheadOnly(detail)) return AHEAD;
  const said = describe(detail).slice(0, MAX_QUOTED_LENGTH);
  const reason = said === '' ? `it answers ${status}` : `it answers ${status}: ${said}`;
  if ((status === 422 || status === 413) && said !== '') return { kind: 'refused', reason };
  const header = headers['retry-after'];
  return {
    kind: 'later',
    problem: advice(status, reason, headers['location']),
    retryAfterMs: parseRetryAfter(typeof header === 'string' ? header : undefined, now),
    needsSomebody: status < 500 && status !== 429 && status !== 408,
    suspect: status === 500 || status === 422 || status === 413 ? 'content' : null,
  };
}

/** Without the server's own words: they count the minutes, and would be news each time. */
const AHEAD: Answer = {
  kind: 'later',
  problem:
    'it does not take the time of a batch, which is in its future (422, sent_at): set the clock of this machine, or that of the server',
  ...{ retryAfterMs: null, needsSomebody: true, suspect: 'clock' },
};

function somebodyElse(status: number): Answer {
  const problem = `it answers ${status}, and does not say that it has the batch: this is no monitoring server, check the setting server`;
  return { kind: 'later', problem, retryAfterMs: null, needsSomebody: true, suspect: null };
}

/** Such a batch can be taken when time has passed, or the clocks are set. */
function isAheadOnly(detail: Detail): boolean {
  return (
    typeof detail !== 'string' && detail.length > 0 && detail.every(({ type }) => type === 'datetime_future')
  );
}

/** Nothing was answered. @param message without anything of the request */
export function unanswered(message: string): Answer {
  return { kind: 'later', problem: message, retryAfterMs: null, needsSomebody: false, suspect: null };
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

function detailOf(text: string): Detail {
  const parsed = Problem.safeParse(parseJson(text));
  return parsed.success ? parsed.data.detail : '';
}

function describe(detail: Detail): string {
  if (typeof detail === 'string') return detail;
  return detail.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
