import pg from 'pg';

/** Any number that no other user of the database locks. */
const REINDEX_LOCK = 7_411_902_646;
const STATEMENT_TIMEOUT_MS = 30 * 60_000;
const NOT_THE_OWNER = '42501';
/** What is written in time order, and looked up by target or metric. */
const PARENTS = ['checks', 'check_failures', 'metric_samples'];

interface ReindexOptions {
  /** A role that owns the tables. */
  readonly url: string;
  /** `2026-01-31`, UTC. */
  readonly day: string;
}

interface ReindexReport {
  /** Partitions whose indexes were built anew. */
  readonly reindexed: readonly string[];
  /** Why not, when the role may not. */
  readonly refusal: string | null;
}

/**
 * Builds the indexes of a day's partitions anew, which take less room then: rows came in time order, the
 * index is by target or metric. Nobody waits for it. What an earlier try that died has left behind is dropped first.
 * It has a connection of its own, since this cannot be part of a transaction.
 *
 * @throws when another process does the same at this moment
 */
export async function reindexPartitions({ url, day }: ReindexOptions): Promise<ReindexReport> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'monitoring-reindex',
    connectionTimeoutMillis: 5_000,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 500,
    keepAlive: true,
  });
  client.on('error', () => undefined); // a lost connection shows in the next query
  await client.connect();
  try {
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
      REINDEX_LOCK,
    ]);
    if (rows[0]?.locked !== true) throw new Error('Another process is building the indexes anew.');
    return { reindexed: await reindexDay(client, day), refusal: null };
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== NOT_THE_OWNER) throw error;
    return { reindexed: [], refusal: error.message };
  } finally {
    await client.end();
  }
}

async function reindexDay(client: pg.Client, day: string): Promise<string[]> {
  await dropLeftovers(client);
  const suffix = day.replaceAll('-', '');
  const { rows } = await client.query<{ name: string }>(
    `select relname as name from pg_class where relname = any($1) and relnamespace = 'public'::regnamespace
     order by relname`,
    [PARENTS.map((parent) => `${parent}_${suffix}`)],
  );
  for (const { name } of rows) {
    await client.query(`reindex table concurrently ${pg.escapeIdentifier(name)}`);
  }
  return rows.map(({ name }) => name);
}

/** A concurrent reindex that was interrupted leaves its half-built index, which every insert keeps up to date. */
async function dropLeftovers(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name
     from pg_index x join pg_class c on c.oid = x.indexrelid
       join pg_inherits i on i.inhrelid = x.indrelid
     where i.inhparent = any($1::regclass[]::oid[]) and not x.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$'`,
    [PARENTS],
  );
  for (const { name } of rows) {
    await client.query(`drop index concurrently if exists ${pg.escapeIdentifier(name)}`);
  }
}
