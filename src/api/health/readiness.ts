import { sql } from 'kysely';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Clock } from '../../domain/clock.ts';
import { whyDatabaseIsAway } from '../databaseAway.ts';

/** What the API asks of Temporal; both reject when down, with a message for people. */
export interface TemporalReadiness {
  readonly checkTemporal: () => Promise<void>;
  readonly checkWorker: () => Promise<void>;
}

export interface DependencyReport {
  readonly isUp: boolean;
  readonly latencyMs: number;
  /** Why it is down. */
  readonly detail: string | null;
}

export interface ReadinessReport {
  readonly postgres: DependencyReport;
  readonly temporal: DependencyReport;
  readonly worker: DependencyReport;
}

const CHECK_LIMIT_MS = 2_000;
/** However often it is asked, the dependencies are asked no more than twice a second. */
const KEEP_MS = 500;

/**
 * Asks all dependencies at once, each for at most 2 s.
 *
 * @returns a function whose answers may be half a second old
 */
export function createReadinessCheck(
  orm: MikroORM,
  temporal: TemporalReadiness,
  clock: Clock,
): () => Promise<ReadinessReport> {
  let latest: Promise<ReadinessReport> | null = null;
  let askAgainAt = 0;

  const ask = async (): Promise<ReadinessReport> => {
    const [postgres, temporalReport, worker] = await Promise.all([
      report(() => checkPostgres(orm)),
      report(() => temporal.checkTemporal()),
      report(() => temporal.checkWorker()),
    ]);
    askAgainAt = clock.now() + KEEP_MS;
    return { postgres, temporal: temporalReport, worker };
  };

  return () => {
    if (latest === null || clock.now() >= askAgainAt) {
      askAgainAt = Infinity; // until this answer is there, everybody waits for it
      latest = ask();
    }
    return latest;
  };
}

async function checkPostgres(orm: MikroORM): Promise<void> {
  try {
    await sql`select 1`.execute(orm.em.fork().getKysely<object>());
  } catch (error) {
    throw new Error(whyDatabaseIsAway(error) ?? 'The database answers with an error.', { cause: error });
  }
}

async function report(check: () => Promise<void>): Promise<DependencyReport> {
  const started = performance.now();
  const detail = await within(CHECK_LIMIT_MS, check).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  return { isUp: detail === null, latencyMs: Math.round(performance.now() - started), detail };
}

async function within(limitMs: number, check: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${limitMs / 1_000} s.`)), limitMs);
  });
  try {
    await Promise.race([check(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
