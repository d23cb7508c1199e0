import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Caller } from '../db/repositories/clients.ts';

/** Whose key this is; null when it is nobody's. */
export type FindCaller = (apiKey: string) => Promise<Caller | null>;

const MAX_KEYS = 10_000;
/** So long a key that was revoked may still post metrics. */
const REMEMBERED_MS = 5_000;

/** Remembers the callers of the last seconds: agents post all the time, each with the same few keys. */
export function rememberingCallers(find: FindCaller): FindCaller {
  const known = new LRUCache<string, Caller>({ max: MAX_KEYS, ttl: REMEMBERED_MS });
  return async (apiKey) => {
    const digest = createHash('sha256').update(apiKey).digest('base64');
    const remembered = known.get(digest);
    if (remembered !== undefined) return remembered;
    const caller = await find(apiKey);
    if (caller !== null) known.set(digest, caller);
    return caller;
  };
}
