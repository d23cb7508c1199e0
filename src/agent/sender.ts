import { messageOf, systemErrorCode } from '../start/startError.ts';
import { understand, unanswered, type Answer } from './answer.ts';
import { post } from './post.ts';
import type { StoredBody } from './storedBody.ts';

const INGEST_PATH = '/api/v1/ingest/metrics';
/** Below this compressing saves no packet. */
const COMPRESSED_FROM_BYTES = 2_048;

/** Sends a batch once. Never throws but for the signal. */
export type Send = (id: string, body: StoredBody, signal: AbortSignal) => Promise<Answer>;

export interface ServerAccess {
  /** Without a slash at its end. */
  readonly server: string;
  readonly apiKey: string;
  readonly userAgent: string;
}

export function createSender({ server, apiKey, userAgent }: ServerAccess): Send {
  return async (id, { json, gzipped }, signal) => {
    const compressed = json.length >= COMPRESSED_FROM_BYTES;
    const headers = {
      'content-type': 'application/json',
      'x-api-key': apiKey,
      'x-ingest-id': id,
      'user-agent': userAgent,
      ...(compressed ? { 'content-encoding': 'gzip' } : {}),
    };
    try {
      const answer = await post(`${server}${INGEST_PATH}`, headers, compressed ? gzipped : json, signal);
      return understand(answer, id, Date.now());
    } catch (error) {
      signal.throwIfAborted();
      return unanswered(describe(error));
    }
  };
}

/** Where several addresses were tried, the outer error says nothing, and its first one does. */
function describe(error: unknown): string {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const message = messageOf(inner);
  return message === '' ? (systemErrorCode(inner) ?? 'the connection failed') : message;
}
