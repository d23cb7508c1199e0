/** One thing that is wrong with a request: where, why in words, and a stable type to match on. */
export interface FieldIssue {
  /** `["body", "url"]`, `["query", "limit"]` … */
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
}

type ErrorId =
  | 'bad_request'
  | 'unauthorized'
  | 'not_found'
  | 'unknown_route'
  | 'method_not_allowed'
  | 'conflict'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'unprocessable'
  | 'too_many_requests'
  | 'internal'
  | 'unavailable';

interface ErrorAnswer {
  readonly detail:
    string | readonly FieldIssue[] | { readonly message: string; readonly existing_id?: string };
}

/** What a client is told. `id` is stable and goes to the log; `answer` is the body, as it is. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly id: ErrorId;
  readonly status: number;
  readonly answer: ErrorAnswer;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    id: ErrorId,
    status: number,
    detail: ErrorAnswer['detail'],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(id);
    this.id = id;
    this.status = status;
    this.answer = { detail };
    this.headers = headers;
  }
}

export const API_KEY_HEADER = 'X-API-Key';

export function badRequest(detail: string): ApiError {
  return new ApiError('bad_request', 400, detail);
}

export function missingKey(): ApiError {
  return unauthorized(`The ${API_KEY_HEADER} header is missing: send your API key in it.`);
}

export function unknownKey(): ApiError {
  return unauthorized(`The key in the ${API_KEY_HEADER} header is unknown or no longer active.`);
}

function unauthorized(detail: string): ApiError {
  return new ApiError('unauthorized', 401, detail, { 'WWW-Authenticate': 'ApiKey' });
}

/** @param what the kind of thing, with its article: "This HTTP target" */
export function notFound(what: string): ApiError {
  return new ApiError('not_found', 404, `${what} does not exist.`);
}

export function unknownRoute(nearest: string): ApiError {
  return new ApiError(
    'unknown_route',
    404,
    `There is no such route; the nearest one is ${nearest} (see /docs).`,
  );
}

export function methodNotAllowed(allowed: readonly string[]): ApiError {
  const list = allowed.join(', ');
  return new ApiError('method_not_allowed', 405, `This route takes ${list} only.`, { Allow: list });
}

/** Something that is there stands in the way. @param existingId what it is, where it has an id */
export function conflict(message: string, existingId?: string): ApiError {
  const detail = existingId === undefined ? { message } : { message, existing_id: existingId };
  return new ApiError('conflict', 409, detail);
}

export function urlTaken(existingId: string): ApiError {
  return conflict(
    'Another HTTP target of yours has this URL: change that one, or delete it first.',
    existingId,
  );
}

export function channelNameTaken(existingId: string): ApiError {
  return conflict(
    'Another channel of yours has this name: change that one, or choose another name.',
    existingId,
  );
}

export function targetPaused(): ApiError {
  return conflict('This HTTP target is paused: set is_active to true before you check it.');
}

export function bodyTooLarge(limitBytes: number): ApiError {
  return new ApiError('body_too_large', 413, `The body of a request may have at most ${limitBytes} bytes.`);
}

export function unsupportedMediaType(detail: string): ApiError {
  return new ApiError('unsupported_media_type', 415, detail);
}

/** All that is wrong at once. */
export function unprocessable(issues: readonly FieldIssue[]): ApiError {
  return new ApiError('unprocessable', 422, issues);
}

export function tooManyRequests(perSecond: number, retryAfterSeconds: number): ApiError {
  return new ApiError(
    'too_many_requests',
    429,
    `More than ${perSecond} requests a second with one key: slow down.`,
    {
      'Retry-After': String(retryAfterSeconds),
    },
  );
}

export function internal(requestId: string): ApiError {
  return new ApiError('internal', 500, `Internal error. Quote request id ${requestId} when you report it.`);
}

export function unavailable(detail: string, retryAfterSeconds: number): ApiError {
  return new ApiError('unavailable', 503, detail, { 'Retry-After': String(retryAfterSeconds) });
}
