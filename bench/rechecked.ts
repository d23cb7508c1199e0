import type { Client } from 'pg';
import { waitFor } from '../src/start/waitFor.ts';
import { countingProgress } from './progress.ts';

const LOOK_EVERY_MS = 1_000;

export interface Rechecked {
  /** When the first stored check of each target began, UTC milliseconds; by the target's number. */
  readonly firstCheckAt: ReadonlyMap<number, number>;
  /** Targets that were not checked in time. */
  readonly missing: number;
}

/** Waits until every target has a stored check that began after `since` (UTC milliseconds), or the time is over. */
export async function untilRechecked(
  database: Client,
  { since, count, withinMs, signal }: { since: number; count: number; withinMs: number; signal: AbortSignal },
): Promise<Rechecked> {
  const progress = countingProgress('targets checked again', count);
  let firstCheckAt = new Map<number, number>();
  const all = async (): Promise<boolean> => {
    firstCheckAt = await firstChecksAfter(database, since);
    progress(firstCheckAt.size);
    return firstCheckAt.size >= count;
  };
  await waitFor(all, { withinMs, everyMs: LOOK_EVERY_MS, signal });
  return { firstCheckAt, missing: count - firstCheckAt.size };
}

async function firstChecksAfter(database: Client, since: number): Promise<Map<number, number>> {
  // A check belongs to a slot that may be older than its start.
  const { rows } = await database.query<{ key: number; at: number }>(
    `select target_key as key,
       min(extract(epoch from scheduled_at) * 1000 + started_after_ms)::float8 as at
     from checks
     where scheduled_at > $1::timestamptz - interval '1 hour'
       and scheduled_at + started_after_ms * interval '1 ms' > $1
     group by target_key`,
    [new Date(since)],
  );
  return new Map(rows.map(({ key, at }) => [key, at]));
}
