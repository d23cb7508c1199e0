import type { Client } from 'pg';
import { pause, waitFor } from '../src/start/waitFor.ts';
import { countingProgress, say } from './progress.ts';

/** A new target is stepped through three checks; the fourth is the routine. */
const CHECKS_UNTIL_STEADY = 4;
const LOOK_EVERY_MS = 3_000;
/** Stepping costs some 31 ms of CPU a check; twice that, on one core. */
const RAMP_MS_PER_TARGET = 62 * CHECKS_UNTIL_STEADY;
const ALLOWANCE_MS = 180_000;
const LONGEST_SETTLE_MS = 15_000;

export interface SteadyOptions {
  readonly count: number;
  readonly intervalSeconds: number;
  readonly signal: AbortSignal;
}

/**
 * Waits until the routine has begun: every target has four checks stored and, where there are watches, is in one.
 *
 * @throws when that takes much longer than the ramp should
 */
export async function waitUntilSteady(
  database: Client,
  { count, intervalSeconds, signal }: SteadyOptions,
): Promise<void> {
  const withinMs = ALLOWANCE_MS + count * RAMP_MS_PER_TARGET + CHECKS_UNTIL_STEADY * intervalSeconds * 1_000;
  const hasWatches = await tableExists(database, 'watches');
  const told = {
    checked: countingProgress(`targets with ${CHECKS_UNTIL_STEADY} checks`, count),
    watched: countingProgress('targets watched', count),
  };
  const steady = await waitFor(
    async () => {
      const checked = await countChecked(database);
      told.checked(checked);
      if (checked < count) return false;
      if (!hasWatches) return true;
      const watched = await countWatched(database);
      told.watched(watched);
      return watched >= count;
    },
    { withinMs, everyMs: LOOK_EVERY_MS, signal },
  );
  if (steady === null)
    throw new Error(`not all of ${count} targets were steady within ${Math.round(withinMs / 1_000)} s`);
  if (!hasWatches) say('  there are no watches: every check is stepped');
  await pause(Math.min(LONGEST_SETTLE_MS, intervalSeconds * 1_000), signal);
}

async function countChecked(database: Client): Promise<number> {
  return count(
    database,
    `select count(*)::int as count from
       (select from checks group by target_key having count(*) >= ${CHECKS_UNTIL_STEADY}) steady`,
  );
}

async function countWatched(database: Client): Promise<number> {
  return count(database, 'select count(*)::int as count from watches where worker_id is not null');
}

/** Which worker watches which target (by its number); empty where there are no watches. */
export async function readWatches(database: Client): Promise<Map<number, string>> {
  if (!(await tableExists(database, 'watches'))) return new Map();
  const { rows } = await database.query<{ key: number; worker: string }>(
    'select target_key as key, worker_id::text as worker from watches where worker_id is not null',
  );
  return new Map(rows.map(({ key, worker }) => [key, worker]));
}

async function tableExists(database: Client, name: string): Promise<boolean> {
  const { rows } = await database.query<{ found: boolean }>('select to_regclass($1) is not null as found', [
    name,
  ]);
  return rows[0]?.found === true;
}

async function count(database: Client, query: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(query);
  return rows[0]?.count ?? 0;
}
