import type { Socket } from 'node:net';
import { Client } from 'undici';
import type { AddressGuard } from '../net/addressGuard.ts';
import { createResolver, type ResolveHost } from '../net/resolve.ts';
import { noAnswer } from './connectionFault.ts';
import { connectGuarded } from './guardedConnection.ts';
import { judgeAnswer, type PostAnswer, type PostOutcome } from './postOutcome.ts';
import { secretsOf } from './secretsOf.ts';
import { USER_AGENT } from './userAgent.ts';
import { displayUrl } from './webAddress.ts';

/** One POST. */
export interface JsonPost {
  /** http or https. */
  readonly url: string;
  /** Content-Type and User-Agent are added. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as well; where an answer repeats their values, these are hidden. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
  /** JSON, sent to the byte as it is given. */
  readonly body: string;
  readonly signal: AbortSignal;
}

/**
 * Posts a JSON text. Everything that can go wrong is an outcome: nothing is thrown. No text of it holds the path or
 * query of the URL, or the value of a secret header.
 */
export type PostJson = (post: JsonPost) => Promise<PostOutcome>;

interface PostJsonOptions {
  readonly guard: AddressGuard;
  /** How names become addresses; the machine's own way unless given. */
  readonly resolve?: ResolveHost;
  /** For everything together, from DNS to the end of the answer; 15 s unless given. */
  readonly limitMs?: number;
  /** UTC milliseconds; the machine's own clock unless given. */
  readonly now?: () => number;
}

const LIMIT_MS = 15_000;
/** The most that is read of an answer. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * Posts through the address guard: each address is judged as it is written, as a name resolves to it, and as the
 * connection leads to it. One connection a post, redirects are not followed, certificates have to be trusted.
 */
export function createPostJson({
  guard,
  resolve = createResolver(),
  limitMs = LIMIT_MS,
  now = Date.now,
}: PostJsonOptions): PostJson {
  return async (post) => {
    const url = URL.parse(post.url);
    if (url === null) return refused('The address of this channel is not a URL');
    // Aborted by whichever comes first, the time limit or the caller.
    const over = new AbortController();
    const limit = setTimeout(() => over.abort(), limitMs);
    const onCancel = () => over.abort();
    post.signal.addEventListener('abort', onCancel, { once: true });
    if (post.signal.aborted) onCancel();
    try {
      const socket = await connectGuarded(url, { guard, resolve, signal: over.signal });
      const answer = await exchange(socket, url, post, over.signal);
      const secrets = secretsOf(url, post.secretHeaders);
      return judgeAnswer(answer, { origin: displayUrl(url), secrets, now: now() });
    } catch (error) {
      if (post.signal.aborted) return failed(`The attempt ended before ${displayUrl(url)} answered`);
      if (over.signal.aborted) {
        return failed(`${displayUrl(url)} did not answer within ${limitMs / 1_000} s`);
      }
      const { message, isPermanent } = noAnswer(error, url);
      return isPermanent ? refused(message) : failed(message);
    } finally {
      clearTimeout(limit);
      post.signal.removeEventListener('abort', onCancel);
    }
  };
}

async function exchange(
  socket: Socket,
  url: URL,
  { headers, secretHeaders, body }: JsonPost,
  signal: AbortSignal,
): Promise<PostAnswer> {
  const client = new Client(url.origin, {
    connect: handOver(socket),
    maxHeaderSize: MAX_HEADER_BYTES,
    // One limit covers everything.
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  });
  try {
    const response = await client.request({
      method: 'POST',
      path: `${url.pathname}${url.search}`,
      headers: { 'content-type': 'application/json', 'user-agent': USER_AGENT, ...secretHeaders, ...headers },
      body,
      signal,
      reset: true,
    });
    const retryAfter = response.headers['retry-after'];
    return {
      statusCode: response.statusCode,
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      text: await readStart(response.body),
    };
  } finally {
    await client.destroy();
    socket.destroy();
  }
}

/** Gives undici the connection that is open already; it never gets a second one, which nobody would have judged. */
function handOver(socket: Socket): NonNullable<Client.Options['connect']> {
  let isGone = false;
  return (_options, callback) => {
    queueMicrotask(() => {
      if (isGone || socket.destroyed) {
        callback(socket.errored ?? Object.assign(new Error('closed'), { code: 'ECONNRESET' }), null);
      } else {
        isGone = true;
        callback(null, socket);
      }
    });
  };
}

/** The status is the verdict: an answer that breaks off, or goes on too long, is kept as far as it came. */
async function readStart(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= MAX_ANSWER_BYTES) break;
    }
  } catch {
    chunks.push(Buffer.from(' (broke off)'));
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_ANSWER_BYTES);
}

function failed(error: string): PostOutcome {
  return { kind: 'failed', error, answer: null, retryAfterMs: null };
}

function refused(error: string): PostOutcome {
  return { kind: 'refused', error, answer: null };
}
