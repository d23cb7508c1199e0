import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { MikroORM } from '@mikro-orm/postgresql';
import { createActivities } from '../../../src/activities/index.ts';
import { TargetCache } from '../../../src/activities/targetCache.ts';
import { Recorder } from '../../../src/activities/recorder.ts';
import type { TargetWorkflowDirectory } from '../../../src/activities/reconcileTargets.ts';
import { createOrm } from '../../../src/db/orm.ts';
import { CheckRepository } from '../../../src/db/repositories/checks.ts';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';
import { WatchedTargetRepository } from '../../../src/db/repositories/watchedTargets.ts';
import { createAddressGuard } from '../../../src/net/addressGuard.ts';
import type { httpTarget } from '../../../src/workflows/index.ts';
import { retireSignal, statusQuery } from '../../../src/workflows/messages.ts';
import { httpTargetStartOptions } from '../../../temporal/httpTargetStart.ts';
import { Network } from '../../support/network.ts';
import { openTargetDatabase, TEST_SECRETS, type TargetDatabase } from '../../support/targets.ts';
import { startTimeSkipping, type TimeSkipping } from '../../support/timeSkipping.ts';

jest.setTimeout(300_000);

const HOUR = 3_600_000;
const INTERVAL = 300_000;

let temporal: TimeSkipping;
let db: TargetDatabase;
let network: Network;
let orm: MikroORM;
let server: Server;
let isBroken = false;
let target: Target;

beforeAll(async () => {
  [temporal, db] = await Promise.all([startTimeSkipping(), openTargetDatabase()]);
  server = createServer((_request, response) => response.writeHead(isBroken ? 500 : 200).end()).listen(0);
  await once(server, 'listening');
  network = new Network(new URL(db.url));
  const through = new URL(db.url);
  through.port = String(await network.listen());
  const timeouts = { statementTimeoutMs: 300, connectionTimeoutMs: 500 };
  orm = createOrm({ url: through.href, applicationName: 'severable', poolSize: 4, ...timeouts });
});

afterAll(async () => {
  network.isSilent = false;
  await orm.close();
  await network.close();
  await db.close();
  server.close();
  await temporal.teardown();
});

beforeEach(async () => {
  isBroken = false;
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const url = `http://127.0.0.1:${port}/${crypto.randomUUID()}`;
  target = await db.create({ url, checkIntervalSeconds: INTERVAL / 1_000 });
});

/** The activities of production, on a Postgres behind a network that the test can break. */
function activities() {
  const checks = new CheckRepository(orm.em.fork());
  const watchedTargets = new WatchedTargetRepository(orm.em.fork(), TEST_SECRETS);
  return createActivities({
    checks,
    ingests: { ensurePartitions: () => Promise.resolve() },
    partitions: { ensureRollups: () => Promise.resolve() },
    recorder: new Recorder({ checks, onError: () => undefined }),
    watchedTargets,
    targets: new TargetCache(watchedTargets),
    workflows: {} as TargetWorkflowDirectory, // only reconcile asks it
    installationId: 'test',
    guard: createAddressGuard({ blockPrivate: false }),
    clock: { now: () => Date.now() },
    onFault: () => undefined,
  });
}

async function slots(): Promise<number[]> {
  const { items } = await db.history().list(target.id, { limit: 1_000 });
  return items.map(({ scheduledAt }) => scheduledAt).sort((a, b) => a - b);
}

function gaps(all: readonly number[]): number[] {
  return all.slice(1).map((slot, index) => slot - (all[index] ?? 0));
}

describe.each([
  ['away', (broken: boolean) => (network.isDown = broken)],
  ['hanging', (broken: boolean) => (network.isSilent = broken)],
])('while Postgres is %s for an hour', (_name, setBroken) => {
  it('goes on checking, loses no result and doubles none', async () => {
    await temporal.withWorker(activities(), async (taskQueue) => {
      const options = httpTargetStartOptions(
        { target, failureThreshold: 2 },
        { installationId: 'test', taskQueuePrefix: '' },
      );
      const handle = await temporal.env.client.workflow.start<typeof httpTarget>('httpTarget', {
        ...options,
        taskQueue,
      });
      await temporal.env.sleep(3 * INTERVAL);
      const before = await slots();
      expect(before.length).toBeGreaterThanOrEqual(3);

      setBroken(true);
      network.cut();
      isBroken = true;
      await temporal.env.sleep(HOUR);
      const during = await handle.query(statusQuery);
      expect(during.unrecordedChecks).toBeGreaterThanOrEqual(12);
      // The decision is the workflow's, so it does not wait for Postgres.
      expect(during.state).toMatchObject({ status: 'down', episode: 1 });
      expect(await slots()).toEqual(before);

      setBroken(false);
      network.cut();
      await temporal.env.sleep(4 * INTERVAL);
      expect((await handle.query(statusQuery)).unrecordedChecks).toBe(0);
      await handle.signal(retireSignal);
      await handle.result();
    });
    const all = await slots();
    // The first check is at once; the first failure is confirmed after 30 s; all others keep the phase.
    const regular = all.filter((slot) => (slot - (all.at(-1) ?? 0)) % INTERVAL === 0);
    expect(new Set(gaps(regular))).toEqual(new Set([INTERVAL]));
    expect(all.length - regular.length).toBe(2);
    expect(await db.targets().find(target.id)).toMatchObject({ status: 'down', episode: 1 });
  });
});
