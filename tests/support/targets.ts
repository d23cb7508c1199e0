import { sql } from 'kysely';
import type { MikroORM } from '@mikro-orm/postgresql';
import { createSecretBox } from '../../src/db/encryption.ts';
import { createOrm } from '../../src/db/orm.ts';
import type { Target, TargetDefinition } from '../../src/db/repositories/httpTargetRow.ts';
import { HttpTargetRepository } from '../../src/db/repositories/httpTargets.ts';
import { CheckHistory } from '../../src/db/repositories/checkHistory.ts';
import { DEV_CLIENT_ID } from '../../src/db/seeders/devAccess.ts';
import { createTestDatabase } from './testDatabase.ts';

export const TEST_SECRETS = createSecretBox(Buffer.alloc(32, 7));
const DEV_CALLER = { clientId: DEV_CLIENT_ID };

/** A database of its own with the dev client in it. */
export interface TargetDatabase {
  readonly url: string;
  readonly orm: MikroORM;
  readonly targets: () => HttpTargetRepository;
  readonly history: () => CheckHistory;
  readonly create: (overrides?: Partial<TargetDefinition>) => Promise<Target>;
  readonly close: () => Promise<void>;
}

export async function openTargetDatabase(): Promise<TargetDatabase> {
  const { url, drop } = await createTestDatabase();
  const orm = createOrm({ url, applicationName: 'test', poolSize: 10 });
  // Copied from a template, it would share its workflows with every other test's.
  await sql`update installation set id = gen_random_uuid()`.execute(orm.em.fork().getKysely<object>());
  const targets = () => new HttpTargetRepository(orm.em.fork(), DEV_CALLER, TEST_SECRETS);
  return {
    url,
    orm,
    targets,
    history: () => new CheckHistory(orm.em.fork(), DEV_CALLER),
    create: (overrides) => targets().create(crypto.randomUUID(), buildDefinition(overrides)),
    close: async () => {
      await orm.close();
      await drop();
    },
  };
}

export function buildDefinition(overrides: Partial<TargetDefinition> = {}): TargetDefinition {
  return {
    name: 'shop',
    url: `http://127.0.0.1:9/${crypto.randomUUID()}`,
    method: 'GET',
    timeoutSeconds: 5,
    checkIntervalSeconds: 60,
    retryIntervalSeconds: 30,
    recoveryThreshold: 1,
    acceptedStatusCodes: null,
    followRedirects: true,
    verifyTls: true,
    headers: null,
    body: null,
    tags: [],
    isActive: true,
    ...overrides,
  };
}
