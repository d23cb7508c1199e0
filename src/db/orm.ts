import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { ApiKey, Client, ClientSettings, User } from './entities/identity.ts';
import { HttpTarget } from './entities/httpTarget.ts';
import { ImpatientClient } from './impatientClient.ts';
import { Migration0001Schema } from './migrations/0001_schema.ts';
import { Migration0002DevSeed } from './migrations/0002_dev_seed.ts';
import { Migration0003Watches } from './migrations/0003_watches.ts';
import { Migration0004Rollups } from './migrations/0004_rollups.ts';
import { Migration0005Machines } from './migrations/0005_machines.ts';
import { Migration0006SampleRollups } from './migrations/0006_sample_rollups.ts';
import { Migration0007Alerts } from './migrations/0007_alerts.ts';
import { Migration0008NewPartitions } from './migrations/0008_new_partitions.ts';

export interface OrmOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly poolSize: number;
  /** The server ends a statement after this long; the client gives up half a second later. Default 5 s. */
  readonly statementTimeoutMs?: number;
  /** How long to wait for a connection, a free one in the pool included. Default 5 s. */
  readonly connectionTimeoutMs?: number;
}

/** An ORM of its own pool; connects on first use, so that a database that is away is met where it is asked. */
export function createOrm(options: OrmOptions): MikroORM {
  const statementTimeoutMs = options.statementTimeoutMs ?? 5_000;
  return new MikroORM({
    clientUrl: options.url,
    entities: [Client, ApiKey, ClientSettings, User, HttpTarget],
    pool: { min: 0, max: options.poolSize },
    driverOptions: {
      Client: ImpatientClient,
      application_name: options.applicationName,
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + 500,
      // A process that is frozen, or cut off, in the middle of a transaction must not hold its locks for hours.
      idle_in_transaction_session_timeout: 10_000,
      connectionTimeoutMillis: options.connectionTimeoutMs ?? 5_000,
      keepAlive: true,
    },
    extensions: [Migrator],
    migrations: {
      tableName: 'migrations',
      snapshot: false,
      migrationsList: [
        { name: '0001_schema', class: Migration0001Schema },
        { name: '0002_dev_seed', class: Migration0002DevSeed },
        { name: '0003_watches', class: Migration0003Watches },
        { name: '0004_rollups', class: Migration0004Rollups },
        { name: '0005_machines', class: Migration0005Machines },
        { name: '0006_sample_rollups', class: Migration0006SampleRollups },
        { name: '0007_alerts', class: Migration0007Alerts },
        { name: '0008_new_partitions', class: Migration0008NewPartitions },
      ],
    },
    // Each request and each activity forks; the one global entity manager is never used.
    allowGlobalContext: false,
    logger: () => undefined,
    debug: false,
  });
}
