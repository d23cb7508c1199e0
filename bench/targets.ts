import type { Client } from 'pg';
import { z } from 'zod';
import { phaseMs } from '../src/domain/schedule.ts';
import type { Stack } from '../tests/support/stack.ts';
import { countingProgress } from './progress.ts';

const IN_FLIGHT = 16;
const TRIES = 5;

/** A target of the farm, as it stands in Postgres. */
export interface BenchTarget {
  readonly id: string;
  /** Its number in `checks`. */
  readonly key: number;
  /** On the farm. */
  readonly path: string;
  readonly intervalMs: number;
  /** Where in each interval its slots are. */
  readonly phaseMs: number;
}

export interface NewTargets {
  readonly stack: Stack;
  readonly farmUrl: string;
  readonly count: number;
  readonly intervalSeconds: number;
  /** Fields on top of name, URL, interval and timeout. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

/** Creates targets by the API, several at once, each on a path of its own. */
export async function createTargets({
  stack,
  farmUrl,
  count,
  intervalSeconds,
  fields,
  signal,
}: NewTargets): Promise<void> {
  const progress = countingProgress('targets created', count);
  let next = 0;
  let created = 0;
  const createSome = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      await createOne(stack, signal, {
        name: `bench ${index}`,
        url: `${farmUrl}/${index}`,
        check_interval_seconds: intervalSeconds,
        timeout_seconds: Math.min(5, intervalSeconds),
        ...fields,
      });
      created += 1;
      progress(created);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, createSome));
}

async function createOne(stack: Stack, signal: AbortSignal, body: unknown): Promise<void> {
  let last = '';
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    signal.throwIfAborted();
    const response = await fetch(`${stack.apiUrl}/http-targets`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': stack.apiKey() },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
    });
    const answer = await response.text();
    // 409: an earlier attempt came through after all.
    if (response.status === 201 || (response.status === 409 && attempt > 1)) return;
    last = `${response.status}: ${answer}`;
    if (response.status < 500) break;
  }
  throw new Error(`POST /http-targets answered ${last}`);
}

const TargetRow = z.object({ id: z.string(), key: z.number(), url: z.string(), seconds: z.number() });

/** All targets that are not deleted. */
export async function readTargets(database: Client): Promise<BenchTarget[]> {
  const { rows } = await database.query(
    'select id, key, url, check_interval_seconds as seconds from http_targets where deleted_at is null order by key',
  );
  return rows.map((row) => {
    const { id, key, url, seconds } = TargetRow.parse(row);
    const intervalMs = seconds * 1_000;
    return { id, key, path: new URL(url).pathname, intervalMs, phaseMs: phaseMs(id, intervalMs) };
  });
}
