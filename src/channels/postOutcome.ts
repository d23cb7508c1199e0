import { excerpt } from './excerpt.ts';
import { retryAfterMs } from './retryAfter.ts';

/** What came of a post; every one of them is a `SendOutcome`. */
export type PostOutcome =
  | { readonly kind: 'sent'; readonly answer: string }
  | {
      readonly kind: 'failed';
      readonly error: string;
      readonly answer: string | null;
      readonly retryAfterMs: number | null;
    }
  | { readonly kind: 'refused'; readonly error: string; readonly answer: string | null };

/** What a server answered. */
export interface PostAnswer {
  readonly statusCode: number;
  /** The Retry-After header. */
  readonly retryAfter: string | undefined;
  /** The beginning of the body. */
  readonly text: string;
}

interface Judged {
  /** Scheme and host: "https://hooks.example". */
  readonly origin: string;
  /** What the answer may repeat and nobody may read. */
  readonly secrets: readonly string[];
  /** UTC milliseconds. */
  readonly now: number;
}

/** Request Timeout, Too Early and Too Many Requests: the same request may be taken later. */
const TEMPORARY = new Set([408, 425, 429]);

/** Any 2xx is a success; 408, 425, 429 and 5xx may pass; all else stays what it is. */
export function judgeAnswer(answer: PostAnswer, { origin, secrets, now }: Judged): PostOutcome {
  const { statusCode } = answer;
  const said = `HTTP ${statusCode} ${excerpt(answer.text, secrets)}`.trim();
  if (statusCode >= 200 && statusCode < 300) return { kind: 'sent', answer: said };
  const error = `${origin} answered ${statusCode}`;
  if (statusCode >= 500 || TEMPORARY.has(statusCode)) {
    return { kind: 'failed', error, answer: said, retryAfterMs: retryAfterMs(answer.retryAfter, now) };
  }
  if (statusCode < 400) {
    const redirect = `${error}, a redirect, which is not followed: use the address that it leads to`;
    return { kind: 'refused', error: redirect, answer: said };
  }
  return { kind: 'refused', error, answer: said };
}
