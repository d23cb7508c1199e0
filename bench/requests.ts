import type { Client } from 'pg';
import type { FarmHits } from './farmProcess.ts';
import type { BenchTarget } from './targets.ts';

/** The farm may see a request this much before the time that the check calls its start. */
const EARLY_MS = 20;
/** A check that began shortly before the span may have asked within it. */
const BEFORE_MS = 10_000;

export interface Span {
  /** UTC milliseconds; `to` is not part of it. */
  readonly from: number;
  readonly to: number;
}

export interface RequestCounts {
  readonly farmRequests: number;
  /** Requests without a stored check of their own: their slot was asked for twice, or a result was lost. */
  readonly requestsDoubled: number;
}

/** Holds what the farm saw against what is stored. */
export async function countRequests(
  database: Client,
  targets: readonly BenchTarget[],
  { from, to }: Span,
  { hits }: FarmHits,
): Promise<RequestCounts> {
  const starts = await readStarts(database, from - BEFORE_MS);
  let farmRequests = 0;
  let requestsDoubled = 0;
  for (const { key, path } of targets) {
    const requests = (hits.get(path) ?? []).filter((at) => at >= from && at < to);
    farmRequests += requests.length;
    requestsDoubled += countWithoutCheck(requests, starts.get(key) ?? []);
  }
  return { farmRequests, requestsDoubled };
}

/** Each check takes the first request that follows its start; both sorted, UTC milliseconds. */
function countWithoutCheck(requests: readonly number[], starts: readonly number[]): number {
  let without = 0;
  let next = 0;
  for (const request of requests) {
    const first = next;
    while ((starts[next] ?? Infinity) - EARLY_MS <= request) next += 1;
    if (next === first) without += 1;
  }
  return without;
}

/** When the stored checks of each target began. */
async function readStarts(database: Client, since: number): Promise<Map<number, number[]>> {
  // A check belongs to a slot that may be older than its start.
  const { rows } = await database.query<{ key: number; starts: number[] }>(
    `select target_key as key, array_agg(at order by at)::float8[] as starts
     from (
       select target_key, (extract(epoch from scheduled_at) * 1000 + started_after_ms) as at
       from checks where scheduled_at > $1::timestamptz - interval '1 hour'
     ) started
     where at >= extract(epoch from $1::timestamptz) * 1000 group by target_key`,
    [new Date(since)],
  );
  return new Map(rows.map(({ key, starts }) => [key, starts]));
}
