import { randomBytes, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { sql } from 'kysely';
import { pino } from 'pino';
import type { MikroORM } from '@mikro-orm/postgresql';
import { createApp } from '../../src/api/app.ts';
import type { Clock } from '../../src/domain/clock.ts';
import type { ApiDependencies } from '../../src/api/dependencies.ts';
import { createHttpServer } from '../../src/api/httpServer.ts';
import { IngestHealth } from '../../src/api/ingest/ingestHealth.ts';
import type { Route } from '../../src/api/route.ts';
import { apiRoutes } from '../../src/api/routes.ts';
import { loadConfig, type Config } from '../../src/config.ts';
import { createSecretBox } from '../../src/db/encryption.ts';
import { createOrm } from '../../src/db/orm.ts';
import { createAddressGuard } from '../../src/net/addressGuard.ts';
import { ApiClient } from './apiClient.ts';
import { MachineHeartbeatsDouble } from './machineHeartbeatsDouble.ts';
import { TargetWorkflowsDouble, TemporalReadinessDouble } from './targetWorkflowsDouble.ts';
import { createTestDatabase } from './testDatabase.ts';

/** The whole API on a port, with a database of its own; only Temporal is a double. */
export interface ApiUnderTest {
  readonly baseUrl: string;
  readonly orm: MikroORM;
  readonly config: Config;
  readonly routes: readonly Route[];
  readonly workflows: TargetWorkflowsDouble;
  readonly heartbeats: MachineHeartbeatsDouble;
  readonly readiness: TemporalReadinessDouble;
  readonly ingestHealth: IngestHealth;
  /** Everything that was logged so far. */
  readonly logText: () => string;
  /** A new client of the product with a key of its own. */
  readonly newClient: () => Promise<ApiClient>;
  /** Without a key. */
  readonly anonymous: ApiClient;
  readonly close: () => Promise<void>;
}

export interface ApiUnderTestOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Another database than a fresh one. */
  readonly databaseUrl?: string;
  readonly clock?: Clock;
  /** How long the database may take to connect and to answer; default as in production. */
  readonly databaseTimeoutMs?: number;
}

export async function startApi(options: ApiUnderTestOptions = {}): Promise<ApiUnderTest> {
  const database = options.databaseUrl === undefined ? await createTestDatabase() : null;
  const config = testConfig(options.databaseUrl ?? database?.url ?? '', options.environment);
  const { databaseTimeoutMs } = options;
  const orm = createOrm({
    url: config.database.url,
    applicationName: 'contract-tests',
    poolSize: 5,
    ...(databaseTimeoutMs && {
      connectionTimeoutMs: databaseTimeoutMs,
      statementTimeoutMs: databaseTimeoutMs,
    }),
  });
  const log = captured();
  const workflows = new TargetWorkflowsDouble();
  const heartbeats = new MachineHeartbeatsDouble();
  const readiness = new TemporalReadinessDouble();
  const clock = options.clock ?? { now: () => Date.now() };
  const ingestHealth = new IngestHealth(clock);
  const deps: ApiDependencies = {
    config,
    orm,
    secrets: createSecretBox(config.encryptionKey),
    targetWorkflows: workflows,
    machineHeartbeats: heartbeats,
    addressGuard: createAddressGuard({ blockPrivate: config.blockPrivateTargets }),
    readiness,
    logger: pino({ level: 'trace' }, log.stream),
    ingestHealth,
    clock,
  };
  const server = createHttpServer(createApp(deps));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const routes = apiRoutes(deps);

  return {
    baseUrl,
    orm,
    config,
    routes,
    workflows,
    heartbeats,
    readiness,
    ingestHealth,
    logText: () => log.text(),
    newClient: async () => {
      const { clientId, key } = await insertClient(orm);
      return new ApiClient({ baseUrl, routes, key, clientId });
    },
    anonymous: new ApiClient({ baseUrl, routes, key: null, clientId: '' }),
    close: async () => {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await orm.close(true);
      await database?.drop();
    },
  };
}

function testConfig(databaseUrl: string, environment: Readonly<Record<string, string>> = {}): Config {
  return loadConfig({
    ENV_FILE: '/dev/null',
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    TEMPORAL_UI_URL: 'http://temporal.example.com',
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    RATE_LIMIT_API: '100000',
    RATE_LIMIT_INGEST: '100000',
    ...environment,
  });
}

async function insertClient(orm: MikroORM): Promise<{ clientId: string; key: string }> {
  const clientId = randomUUID();
  const key = randomBytes(18).toString('base64url');
  const db = orm.em.fork().getKysely<object>();
  await sql`insert into clients (id, name) values (${clientId}, 'Test')`.execute(db);
  await sql`insert into api_keys (client_id, key, name) values (${clientId}, ${key}, 'test')`.execute(db);
  return { clientId, key };
}

function captured(): { stream: Writable; text: () => string } {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return { stream, text: () => lines.join('') };
}
