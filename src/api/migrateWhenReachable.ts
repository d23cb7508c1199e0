import { setTimeout as delay } from 'node:timers/promises';
import { required, type Config } from '../config.ts';
import { migrate } from '../db/migrate.ts';
import type { Logger } from '../logger.ts';
import { whyDatabaseIsAway } from './databaseAway.ts';
import { StartFailure } from './startFailure.ts';

const DATABASE_WAIT_MS = 30_000;

/**
 * Brings the schema up to date; a database that cannot be reached is waited for, with a line a second.
 *
 * @throws ConfigError when the seed access is missing, StartFailure when the database stays away or refuses us
 */
export async function migrateWhenReachable(config: Config, logger: Logger, stop: AbortSignal): Promise<void> {
  const somethingEmbedded = config.database.embedded || config.temporal.embedded;
  if (!somethingEmbedded)
    required(config.seed, 'SEED_API_KEY, SEED_USER_EMAIL or SEED_USER_PASSWORD', 'a value of your own');
  const deadline = performance.now() + DATABASE_WAIT_MS;
  for (;;) {
    stop.throwIfAborted();
    try {
      await migrate({
        migrationUrl: config.database.migrationUrl,
        url: config.database.url,
        devAccess: config.seed,
        onProgress: (message) => logger.info(message),
      });
      return;
    } catch (error) {
      const where = withoutCredentials(config.database.migrationUrl);
      if (whyDatabaseIsAway(error) === null) throw refused(error, where);
      if (performance.now() > deadline) {
        throw new StartFailure(
          `The database at ${where} could not be reached within ${DATABASE_WAIT_MS / 1_000} s (${codeOf(error)}): start it, or set DATABASE_URL to one that runs.`,
        );
      }
      logger.info(`waiting for the database at ${where} (${codeOf(error)})`);
      await delay(1_000, undefined, { signal: stop });
    }
  }
}

/** SQLSTATEs of a server that is there and does not let us in. */
function refused(error: unknown, where: string): unknown {
  switch (codeOf(error)) {
    case '28P01':
    case '28000':
      return new StartFailure(
        `The database at ${where} refuses the user or password in DATABASE_URL: correct them.`,
      );
    case '3D000':
      return new StartFailure(`There is no such database at ${where}: create it, or correct DATABASE_URL.`);
    case '42501':
      return new StartFailure(
        `The role in the URL may not change the schema of ${where}: set DATABASE_MIGRATION_URL to one that may.`,
      );
    default:
      return error;
  }
}

function codeOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return 'no answer';
}

function withoutCredentials(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
