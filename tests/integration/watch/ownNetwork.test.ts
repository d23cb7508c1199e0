import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { sql } from 'kysely';
import type { StoredCheck } from '../../../src/db/repositories/checkHistory.ts';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';
import { Network } from '../../support/network.ts';
import { runWorkerHere, type WorkerHere } from '../../support/realWorker.ts';
import { Site } from '../../support/site.ts';
import { watchedTarget } from '../../support/steadyTargets.ts';
import { storedChecks } from '../../support/storedChecks.ts';
import { until } from '../../support/until.ts';
import { watchRows } from '../../support/watchRows.ts';
import { openWorkerSurroundings, type WorkerSurroundings } from '../../support/workerSurroundings.ts';

jest.setTimeout(90_000);

const OFTEN = { checkIntervalSeconds: 2, retryIntervalSeconds: 1 };

let surroundings: WorkerSurroundings;
let worker: WorkerHere;
let postgres: Network;
/** Where most targets are, where one is, and what the worker asks: a network is lost when all of them are closed. */
let sites: Site;
let elsewhere: Site;
let reference: Site;
let targets: Target[];
let alone: Target;

beforeAll(async () => {
  surroundings = await openWorkerSurroundings();
  [sites, elsewhere, reference] = await Promise.all([Site.open(), Site.open(), Site.open()]);
  postgres = new Network(new URL(surroundings.env.DATABASE_URL));
  const databaseUrl = new URL(surroundings.env.DATABASE_URL);
  databaseUrl.port = String(await postgres.listen());
  worker = runWorkerHere({
    ...surroundings.env,
    DATABASE_URL: databaseUrl.href,
    REFERENCE_ADDRESSES: `127.0.0.1:${reference.port}`,
  });
  const watchedAt = ({ origin }: Site) =>
    watchedTarget(surroundings, { ...OFTEN, url: `${origin}/${crypto.randomUUID()}` });
  targets = await Promise.all(Array.from({ length: 9 }, () => watchedAt(sites)));
  alone = await watchedAt(elsewhere);
});

beforeEach(() => untilAllAreUp());

afterEach(async () => {
  postgres.isDown = false;
  await Promise.all([sites.open(), elsewhere.open(), reference.open()]);
});

afterAll(async () => {
  await worker.stop();
  await postgres.close();
  await surroundings.close();
  for (const site of [sites, elsewhere, reference]) site.close();
});

function loseTheNetwork(): void {
  for (const site of [sites, elsewhere, reference]) site.close();
}

async function rowOf({ id }: Target): Promise<Target> {
  const row = await surroundings.db.targets().find(id);
  if (row === null) throw new Error('unreachable: nobody deletes it');
  return row;
}

async function statuses(of: readonly Target[]): Promise<string[]> {
  return (await Promise.all(of.map(rowOf))).map(({ status }) => status);
}

/** Up by a check that passed, and watched. */
async function untilAllAreUp(): Promise<void> {
  const all = [...targets, alone];
  await until(
    async () => {
      const rows = await Promise.all(all.map(rowOf));
      const areUp = rows.every(
        ({ status, lastFailureClass }) => status === 'up' && lastFailureClass === null,
      );
      return areUp && (await watchRows(surroundings.db)).length >= all.length;
    },
    { withinMs: 40_000, what: 'all are up and watched' },
  );
}

async function untilStatus(of: readonly Target[], status: string): Promise<void> {
  await until(async () => (await statuses(of)).every((each) => each === status), {
    what: `all are ${status}`,
  });
}

/** Since when each worker says that it has no network: UTC milliseconds. */
async function networkLostAt(): Promise<(number | null)[]> {
  const { rows } = await sql<{ at: number | null }>`
    select (extract(epoch from network_lost_at) * 1000)::float8 as at from workers
  `.execute(surroundings.db.orm.em.fork().getKysely<object>());
  return rows.map(({ at }) => at);
}

async function untilToldLost(): Promise<number> {
  await until(async () => (await networkLostAt()).some((lostAt) => lostAt !== null), { what: 'the loss' });
  const [lostAt] = await networkLostAt();
  return lostAt ?? Number.NaN;
}

async function untilToldBack(): Promise<void> {
  await until(async () => (await networkLostAt()).every((lostAt) => lostAt === null), { what: 'the return' });
}

async function failuresSince(target: Target, since: number): Promise<StoredCheck[]> {
  const checks = await storedChecks(surroundings.db, target);
  return checks.filter(({ failureClass, startedAt }) => failureClass !== null && startedAt >= since);
}

async function untilFailures(of: readonly Target[], since: number, count: number): Promise<StoredCheck[]> {
  let failures: StoredCheck[][] = [];
  await until(
    async () => {
      failures = await Promise.all(of.map((target) => failuresSince(target, since)));
      return failures.every(({ length }) => length >= count);
    },
    { what: `${count} failed checks of each target` },
  );
  return failures.flat();
}

describe('a worker that loses targets and reference at once', () => {
  it('takes no target down, steps no workflow, and says so until its network is back', async () => {
    const began = Date.now();
    const before = await Promise.all([...targets, alone].map(rowOf));
    const watches = await watchRows(surroundings.db);
    loseTheNetwork();
    const failures = await untilFailures([...targets, alone], began, 3);
    expect(new Set(failures.map(({ failureClass }) => failureClass))).toEqual(new Set(['monitor']));
    expect(failures[0]?.errorMessage).toBe(
      `The monitoring server has lost its network: none of its reference addresses answers (127.0.0.1:${reference.port})`,
    );
    const lostAt = await untilToldLost();
    expect(lostAt).toBeGreaterThanOrEqual(began);
    const after = await Promise.all([...targets, alone].map(rowOf));
    expect(after.map(({ status, episode }) => [status, episode])).toEqual(
      before.map(({ status, episode }) => [status, episode]),
    );
    expect(await watchRows(surroundings.db)).toEqual(watches);
    expect(worker.log()).toContain('the network of this worker is lost');

    await Promise.all([sites.open(), elsewhere.open(), reference.open()]);
    await untilToldBack();
    await untilAllAreUp();
    expect((await rowOf(alone)).episode).toBe(before.at(-1)?.episode);
  });

  it('counts the checks that a workflow steps for nothing as well', async () => {
    loseTheNetwork();
    await untilToldLost();
    const stepped = await surroundings.db.create({ ...OFTEN, url: `${sites.origin}/new` });
    await surroundings.workflows.start({ target: stepped, failureThreshold: 2 });
    const failures = await untilFailures([stepped], 0, 3);
    expect(failures.every(({ failureClass }) => failureClass === 'monitor')).toBe(true);
    expect((await rowOf(stepped)).status).toBe('unknown');
    await surroundings.db.targets().delete(stepped.id);
    await surroundings.workflows.retire(stepped.id);
  });

  it('goes on to say so when it was taken for dead, and since when', async () => {
    loseTheNetwork();
    const lostAt = await untilToldLost();
    await sql`delete from workers`.execute(surroundings.db.orm.em.fork().getKysely<object>());
    await until(async () => (await networkLostAt()).length === 1, { what: 'its row' });
    expect(await networkLostAt()).toEqual([lostAt]);
  });

  it('says so when Postgres is back, where that was away as well', async () => {
    postgres.isDown = true;
    postgres.cut();
    const logged = worker.log().length;
    loseTheNetwork();
    await until(() => worker.log().slice(logged).includes('the network of this worker is lost'), {
      what: 'the loss, in the log',
    });
    expect(await networkLostAt()).toEqual([null]);
    postgres.isDown = false;
    const lostAt = await untilToldLost();
    const failures = await untilFailures(targets, lostAt, 2);
    expect(new Set(failures.map(({ failureClass }) => failureClass))).toEqual(new Set(['monitor']));
    expect(new Set(await statuses(targets))).toEqual(new Set(['up']));
  });
});

describe('a worker whose reference answers', () => {
  it('takes targets down, also where all of them fail at once', async () => {
    sites.close();
    elsewhere.close();
    await untilStatus([...targets, alone], 'down');
    expect(await networkLostAt()).toEqual([null]);
    expect((await failuresSince(alone, 0)).at(-1)?.failureClass).toBe('connect');
  });
});

describe('a worker whose reference does not answer, while most targets do', () => {
  it('takes the one down that fails', async () => {
    reference.close();
    elsewhere.close();
    await untilStatus([alone], 'down');
    expect(new Set(await statuses(targets))).toEqual(new Set(['up']));
    expect(await networkLostAt()).toEqual([null]);
  });
});
