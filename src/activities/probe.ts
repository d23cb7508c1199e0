import { STATUS_CODES } from 'node:http';
import { isAcceptedStatusCode, type AcceptedStatusCodes, type ProbeOutcome } from '../domain/check.ts';
import { hostOf } from '../net/addressGuard.ts';
import { createResolver } from '../net/resolve.ts';
import { dial } from './probe/dial.ts';
import { exchange, type Answer } from './probe/exchange.ts';
import { displayUrl, errorCode, ownFault, ProbeFailure } from './probe/failure.ts';
import { headersOf } from './probe/headers.ts';
import { Progress } from './probe/progress.ts';
import { isRedirect, redirectedHop } from './probe/redirect.ts';
import type { Hop, ProbeDeps, ProbeRequest } from './probe/request.ts';
import { secure } from './probe/secure.ts';

export type { ProbeDeps, ProbeRequest } from './probe/request.ts';

const MAX_REDIRECTS = 10;

const resolveBySystem = createResolver();

/**
 * Looks at an HTTP target once, over connections of its own that are closed when it ends.
 *
 * Timings are whole milliseconds: DNS, TCP, TLS and first byte (counted from the open connection) are those
 * of the last hop, the total covers all of them. The status code is judged before the body is read. Of
 * several certificates on the way the one that ends first is told.
 *
 * @returns an outcome for everything that can go wrong with a target, and of class `monitor` for what is
 *   wrong with us.
 * @throws the reason of `request.signal`, and nothing else, when the check is cancelled.
 */
export async function probe(request: ProbeRequest, deps: ProbeDeps): Promise<ProbeOutcome> {
  request.signal.throwIfAborted();
  const progress = new Progress(deps.clock.now());
  // Aborted by whichever comes first, the deadline or the caller.
  const over = new AbortController();
  const deadline = setTimeout(() => over.abort(), request.timeoutMs);
  const onCancel = () => over.abort(request.signal.reason);
  request.signal.addEventListener('abort', onCancel, { once: true });
  try {
    await followToTheEnd({ request, deps, progress, signal: over.signal });
    return progress.outcome(null);
  } catch (error) {
    request.signal.throwIfAborted();
    const failure = over.signal.aborted ? timeoutFailure(request.timeoutMs, progress) : asFailure(error);
    return progress.outcome(withRedirects(failure, progress.redirects));
  } finally {
    clearTimeout(deadline);
    request.signal.removeEventListener('abort', onCancel);
  }
}

interface Check {
  readonly request: ProbeRequest;
  readonly deps: ProbeDeps;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

async function followToTheEnd(check: Check): Promise<void> {
  const { request, progress } = check;
  const visited = new Set<string>();
  let hop = firstHop(request);
  for (;;) {
    const answer = await take(hop, check);
    if (!isFollowed(answer, request)) return;
    visited.add(hop.url.href);
    hop = redirectedHop(hop, answer);
    if (progress.redirects === MAX_REDIRECTS) throw tooManyRedirects(hop.url, visited);
    progress.beginRedirect();
  }
}

/** One request on a connection of its own. */
async function take(hop: Hop, { request, deps, progress, signal }: Check): Promise<Answer> {
  const resolve = deps.resolve ?? resolveBySystem;
  const connection = await dial(hop.url, { guard: deps.guard, resolve, progress, signal });
  const { endpoint } = connection;
  const wantsBody = (answer: Answer) => {
    if (isFollowed(answer, request)) return false;
    requireAccepted(answer.statusCode, request.acceptedStatusCodes);
    return true;
  };
  try {
    const tls = { host: hostOf(hop.url), verifyTls: request.verifyTls, progress, signal };
    const socket = hop.url.protocol === 'https:' ? await secure(connection, tls) : connection.socket;
    return await exchange(socket, hop, { endpoint, progress, signal, wantsBody });
  } finally {
    connection.socket.destroy();
  }
}

function firstHop(request: ProbeRequest): Hop {
  const url = URL.parse(request.url);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ProbeFailure('monitor', 'The URL of this target is not an http or https URL');
  }
  return { url, method: request.method, headers: headersOf(url, request.headers), body: request.body };
}

function isFollowed(answer: Answer, request: ProbeRequest): boolean {
  return request.followRedirects && isRedirect(answer.statusCode);
}

function requireAccepted(statusCode: number, accepted: AcceptedStatusCodes): void {
  if (isAcceptedStatusCode(statusCode, accepted)) return;
  const expected = (accepted ?? [[200, 399]]).map(([low, high]) =>
    low === high ? `${low}` : `${low}–${high}`,
  );
  const name = STATUS_CODES[statusCode];
  const got = name === undefined ? `${statusCode}` : `${statusCode} ${name}`;
  throw new ProbeFailure('http_status', `Expected ${expected.join(', ')}, got ${got}`);
}

function tooManyRedirects(next: URL, visited: ReadonlySet<string>): ProbeFailure {
  return new ProbeFailure(
    'too_many_redirects',
    visited.has(next.href)
      ? `Redirects run in a circle through ${displayUrl(next)}`
      : `More than ${MAX_REDIRECTS} redirects, the last one to ${displayUrl(next)}`,
  );
}

function timeoutFailure(timeoutMs: number, progress: Progress): ProbeFailure {
  const limit = timeoutMs < 1_000 ? `${timeoutMs} ms` : `${Number((timeoutMs / 1_000).toFixed(1))} s`;
  const what = progress.firstByteMs === null ? 'No answer' : 'No complete answer';
  return new ProbeFailure('timeout', `${what} within ${limit} (${progress.stage})`);
}

function asFailure(error: unknown): ProbeFailure {
  if (error instanceof ProbeFailure) return error;
  const own = ownFault(errorCode(error));
  if (own !== null) return own;
  const kind = errorCode(error) || (error instanceof Error ? error.name : typeof error);
  return new ProbeFailure('monitor', `Internal error of the monitoring server (${kind})`);
}

function withRedirects(failure: ProbeFailure, redirects: number): ProbeFailure {
  if (redirects === 0 || failure.failureClass === 'too_many_redirects') return failure;
  const prefix = redirects === 1 ? 'After a redirect' : `After ${redirects} redirects`;
  return new ProbeFailure(failure.failureClass, `${prefix}: ${failure.message}`);
}
