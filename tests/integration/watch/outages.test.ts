import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { sql } from 'kysely';
import type { StoredCheck } from '../../../src/db/repositories/checkHistory.ts';
import { WorkerRepository } from '../../../src/db/repositories/workers.ts';
import { nextSlot } from '../../../src/domain/schedule.ts';
import { statusQuery } from '../../../src/workflows/messages.ts';
import { Network } from '../../support/network.ts';
import { runWorkerHere, type WorkerHere } from '../../support/realWorker.ts';
import { watchedTarget, type SteadyTarget } from '../../support/steadyTargets.ts';
import { slotGaps, storedChecks } from '../../support/storedChecks.ts';
import { until } from '../../support/until.ts';
import { freeWatch, takeWatch, watchOf, type WatchRow } from '../../support/watchRows.ts';
import { startWorkerProcess } from '../../support/workerProcess.ts';
import { openWorkerSurroundings, type WorkerSurroundings } from '../../support/workerSurroundings.ts';

jest.setTimeout(60_000);

const INTERVAL_MS = 2_000;
const OFTEN = { checkIntervalSeconds: INTERVAL_MS / 1_000, retryIntervalSeconds: 1 };
/** One slot within the time of a test, and no other. */
const ONE_SLOT = { checkIntervalSeconds: 300, firstSlotIn: { least: 4_000, most: 8_000 } };
/** Watches go on for so long with rows that Postgres does not take. */
const KEPT_MS = 60_000;

let surroundings: WorkerSurroundings;
let worker: WorkerHere;
/** What is between the worker and its servers; the tests themselves ask the servers directly. */
let postgres: Network;
let temporal: Network;

beforeAll(async () => {
  surroundings = await openWorkerSurroundings();
  const { env } = surroundings;
  postgres = new Network(new URL(env.DATABASE_URL));
  temporal = new Network(new URL(`http://${env.TEMPORAL_ADDRESS}`));
  const databaseUrl = new URL(env.DATABASE_URL);
  databaseUrl.port = String(await postgres.listen());
  worker = runWorkerHere({
    ...env,
    DATABASE_URL: databaseUrl.href,
    TEMPORAL_ADDRESS: `127.0.0.1:${await temporal.listen()}`,
  });
});

afterEach(() => {
  bringBack(postgres);
  bringBack(temporal);
});

afterAll(async () => {
  jest.restoreAllMocks();
  await worker.stop();
  await Promise.all([postgres.close(), temporal.close()]);
  await surroundings.close();
});

function takeDown(network: Network): void {
  network.isDown = true;
  network.cut();
}

function bringBack(network: Network): void {
  network.isDown = false;
}

function looks({ path }: SteadyTarget): number {
  return surroundings.farm.requests(path).length;
}

async function untilLookedAt(targets: readonly SteadyTarget[], more: number): Promise<void> {
  const before = targets.map(looks);
  await until(() => targets.every((target, index) => looks(target) >= (before[index] ?? 0) + more), {
    what: `${more} more looks at each target`,
  });
}

function isRegular({ id }: SteadyTarget, slot: number): boolean {
  return nextSlot(id, INTERVAL_MS, slot - 1) === slot;
}

/** Each look has its row, none has two, and every slot was served. Only a workflow that began late begins beside them. */
async function untilAllIsStored(targets: readonly SteadyTarget[]): Promise<void> {
  for (const target of targets) {
    await until(async () => (await storedChecks(surroundings.db, target)).length === looks(target), {
      what: 'a row for each look',
    });
    const checks = await storedChecks(surroundings.db, target);
    const regular = checks.findIndex(({ scheduledAt }) => isRegular(target, scheduledAt));
    expect([0, 1]).toContain(regular);
    const gaps = slotGaps(checks.slice(regular));
    expect(gaps).toEqual(gaps.map(() => INTERVAL_MS));
  }
}

function claims(targets: readonly SteadyTarget[]): Promise<(WatchRow | null)[]> {
  return Promise.all(targets.map((target) => watchOf(surroundings.db, target)));
}

async function remove(targets: readonly SteadyTarget[]): Promise<void> {
  for (const target of targets) {
    await surroundings.db.targets().delete(target.id);
    await surroundings.workflows.retire(target.id);
    await surroundings.handleOf(target).result();
  }
}

async function viewOf(target: SteadyTarget) {
  return surroundings.handleOf(target).query(statusQuery);
}

describe('while Postgres is away, watches', () => {
  it('go on, and write what they saw when it is back', async () => {
    const targets = await Promise.all([1, 2, 3].map(() => watchedTarget(surroundings, OFTEN)));
    await untilLookedAt(targets, 1);
    const before = await claims(targets);
    takeDown(postgres);
    await untilLookedAt(targets, 1); // this one may have been stored
    const stored = await Promise.all(targets.map((target) => storedChecks(surroundings.db, target)));
    await untilLookedAt(targets, 3);
    expect(await Promise.all(targets.map((target) => storedChecks(surroundings.db, target)))).toEqual(stored);

    bringBack(postgres);
    await untilAllIsStored(targets);
    expect(await claims(targets)).toEqual(before);
    await remove(targets);
  });

  it('are not written by a worker that lost them meanwhile, but what it saw is', async () => {
    const target = await watchedTarget(surroundings, OFTEN);
    await untilLookedAt([target], 1);
    takeDown(postgres);
    await untilLookedAt([target], 3);
    const thief = await takeWatch(surroundings.db, target);
    bringBack(postgres);
    // By the row, nothing of it was ever decided.
    const before = await surroundings.db.targets().find(target.id);
    await until(async () => (await storedChecks(surroundings.db, target)).length >= 3, {
      what: 'what was seen while Postgres was away',
    });
    const after = await surroundings.db.targets().find(target.id);
    expect(after?.lastCheckAt).toEqual(before?.lastCheckAt);
    await new WorkerRepository(surroundings.db.orm.em.fork()).remove([thief]);
    await remove([target]);
  });
});

describe('while Temporal is away, watches', () => {
  it('go on and are stored, and tell their news when it is back', async () => {
    const [failing, ...others] = await Promise.all([1, 2, 3].map(() => watchedTarget(surroundings, OFTEN)));
    if (failing === undefined) throw new Error('unreachable');
    await untilLookedAt(others, 1);
    const before = await claims(others);
    takeDown(temporal);
    surroundings.farm.answer(failing.path, 500);
    const row = () => surroundings.db.targets().find(failing.id);
    await until(async () => (await row())?.status === 'down', { what: 'down, by the row' });
    await untilLookedAt([failing, ...others], 2);
    await untilAllIsStored(others);

    bringBack(temporal);
    await until(async () => (await viewOf(failing)).state.status === 'down', {
      what: 'down, by the workflow',
    });
    expect((await viewOf(failing)).state.episode).toBe(1);
    expect(await claims(others)).toEqual(before);
    await untilAllIsStored(others);
    await remove([failing, ...others]);
  });
});

describe('what happens to a watch while Temporal is away', () => {
  it('is told when it is back, also when it is over by then', async () => {
    const target = await watchedTarget(surroundings, OFTEN);
    const row = () => surroundings.db.targets().find(target.id);
    takeDown(temporal);
    surroundings.farm.answer(target.path, 500);
    await until(async () => (await row())?.status === 'down', { what: 'down, by the row' });
    surroundings.farm.answer(target.path, 200);
    await until(async () => (await row())?.status === 'up', { what: 'up, by the row' });
    bringBack(temporal);
    await until(async () => (await viewOf(target)).state.episode === 1, { what: 'the news' });
    await until(async () => (await viewOf(target)).state.status === 'up', { what: 'up, by the workflow' });
    await remove([target]);
  });

  it('does not end it with its window', async () => {
    const target = await watchedTarget(surroundings, OFTEN);
    await untilLookedAt([target], 1);
    await untilAllIsStored([target]);
    takeDown(temporal);
    await sql`
      update watches set until = now() where target_key = (select key from http_targets where id = ${target.id})
    `.execute(surroundings.db.orm.em.fork().getKysely<object>());
    await freeWatch(surroundings.db, target);
    await until(async () => (await watchOf(surroundings.db, target))?.worker !== null, {
      what: 'its worker',
    });
    const [overdue] = await claims([target]);
    await untilLookedAt([target], 3);
    expect(await claims([target])).toEqual([overdue]);
    await untilAllIsStored([target]);

    bringBack(temporal);
    await until(
      async () => {
        const next = await watchOf(surroundings.db, target);
        return next !== null && next.claim !== overdue?.claim;
      },
      { what: 'the next watch' },
    );
    await remove([target]);
  });
});

describe('a watch whose results Postgres does not take', () => {
  /** Its slot is still to come when Postgres goes away: on a slow machine that of the first may have been stored. */
  async function targetWhileAway(): Promise<{ target: SteadyTarget; logged: number }> {
    for (;;) {
      const target = await watchedTarget(surroundings, ONE_SLOT);
      takeDown(postgres);
      if (looks(target) === 0) return { target, logged: worker.log().length };
      bringBack(postgres);
      await remove([target]);
    }
  }

  it('gives its results to the workflow after a minute, which writes them', async () => {
    const { target, logged } = await targetWhileAway();
    await until(() => looks(target) === 1, { what: 'the slot' });
    await until(() => worker.log().slice(logged).includes('were not committed'), { what: 'a refused row' });

    // For good: a clock that went back would be another story.
    const now = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => now() + KEPT_MS);
    await until(async () => (await viewOf(target)).unrecordedChecks === 1, { what: 'the answer' });
    expect(await storedChecks(surroundings.db, target)).toEqual([]);

    bringBack(postgres);
    await surroundings.workflows.checkNow({ target, failureThreshold: 2 }, crypto.randomUUID());
    await until(async () => (await viewOf(target)).unrecordedChecks === 0, { what: 'the written result' });
    const checks = await storedChecks(surroundings.db, target);
    expect(checks.map(({ kind }) => kind)).toEqual(['scheduled', 'manual']);
    expect(looks(target)).toBe(2);
    await until(async () => (await watchOf(surroundings.db, target)) === null, {
      what: 'the end of its row',
    });
    await remove([target]);
  });

  it('gives them to the workflow when its worker stops, and the next worker writes them', async () => {
    const { target, logged } = await targetWhileAway();
    await until(() => worker.log().slice(logged).includes('were not committed'), { what: 'a refused row' });
    const [look] = surroundings.farm.requests(target.path);
    await worker.stop();
    expect(await storedChecks(surroundings.db, target)).toEqual([]);

    const next = await startWorkerProcess('next', surroundings.env);
    try {
      expect((await viewOf(target)).unrecordedChecks).toBe(1);
      await surroundings.workflows.checkNow({ target, failureThreshold: 2 }, crypto.randomUUID());
      const isOfLook = ({ startedAt }: StoredCheck): boolean => Math.abs(startedAt - (look?.at ?? 0)) < 500;
      await until(async () => (await storedChecks(surroundings.db, target)).some(isOfLook), {
        what: 'the row of what the first worker saw',
      });
    } finally {
      await next.kill();
    }
  });
});
