import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { sql } from 'kysely';
import { HEARTBEAT_EVERY_MS } from '../../../src/activities/watch/watchUpkeep.ts';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';
import { statusQuery } from '../../../src/workflows/messages.ts';
import { startRealWorker, type RealWorker } from '../../support/realWorker.ts';
import { watchedTarget, type SteadyTarget } from '../../support/steadyTargets.ts';
import { storedChecks } from '../../support/storedChecks.ts';
import { until } from '../../support/until.ts';
import { freeWatch, takeWatch, watchOf } from '../../support/watchRows.ts';

jest.setTimeout(60_000);

/** What the issue promises is a second; the rest is for a noisy machine. */
const PROMPT_MS = 3_000;
const SYNC_EVERY_MS = 30_000;
/** Not checked again in the time of a test, unless something makes it. */
const SELDOM = { checkIntervalSeconds: 300, firstSlotIn: { least: 120_000, most: 300_000 } };

let real: RealWorker;
let startedAt: number;

beforeAll(async () => {
  startedAt = Date.now();
  real = await startRealWorker();
});
afterAll(() => real.stop());

async function commit(target: Target, changes: Partial<Target>): Promise<{ before: Target; after: Target }> {
  const changed = await real.db.targets().update(target.id, (current) => ({ ...current, ...changes }));
  if (changed === null) throw new Error('no such target');
  return changed;
}

/** As the API does it: the row first, then the message. */
async function change(target: Target, changes: Partial<Target>): Promise<void> {
  const { before, after } = await commit(target, changes);
  await real.workflows.change(before, { target: after, failureThreshold: 2 });
}

/** Nobody hears of it, neither workers nor the workflow. */
async function commitUnheard({ id }: Target, url: string): Promise<void> {
  await real.db.orm.em
    .fork()
    .getKysely<object>()
    .transaction()
    .execute(async (db) => {
      await sql`set local session_replication_role = replica`.execute(db);
      await sql`update http_targets set version = version + 1, url = ${url} where id = ${id}`.execute(db);
    });
}

async function untilUnwatched(target: Target, withinMs = PROMPT_MS): Promise<void> {
  await until(async () => (await watchOf(real.db, target)) === null, {
    withinMs,
    what: 'the end of its watch',
  });
}

async function untilRequested(path: string, withinMs = PROMPT_MS): Promise<void> {
  await until(() => real.farm.requests(path).length > 0, { withinMs, what: `a request of ${path}` });
}

async function statusOf(target: Target): Promise<string> {
  return (await real.handleOf(target).query(statusQuery)).state.status;
}

describe('a change of a target that is watched', () => {
  it('takes effect at once also when only Postgres tells of it', async () => {
    const target = await watchedTarget(real, SELDOM);
    await commit(target, { url: `${target.url}/new` });
    await untilRequested(`${target.path}/new`);
    await untilUnwatched(target);
    expect((await real.handleOf(target).query(statusQuery)).schedule.version).toBe(2);
  });

  it('is found with the next recorded check when every message about it was lost', async () => {
    const firstSlotIn = { least: 3_000, most: 6_000 };
    const target = await watchedTarget(real, { checkIntervalSeconds: 10, firstSlotIn });
    await commitUnheard(target, `${real.farm.origin}${target.path}/new`);
    await untilRequested(`${target.path}/new`, firstSlotIn.most + PROMPT_MS);
    // Not by the comparison of all watches: one came when the worker began to listen, the next is due 30 s later.
    expect(Date.now() - startedAt).toBeLessThan(SYNC_EVERY_MS);
    await until(async () => (await storedChecks(real.db, target)).length > 0, {
      what: 'a check of version 2',
    });
    // The look at the old URL that found it out is no check of the new version.
    const [stored] = await storedChecks(real.db, target);
    const looks = real.farm.requests(target.path).map(({ at }) => at);
    expect(looks).toHaveLength(1);
    expect(stored?.startedAt).toBeGreaterThan(Math.max(...looks));
  });

  it('takes effect at once when it is a pause, and when it is a resume', async () => {
    const target = await watchedTarget(real, SELDOM);
    await change(target, { isActive: false });
    await untilUnwatched(target);
    expect(await statusOf(target)).toBe('paused');
    expect(real.farm.requests(target.path)).toEqual([]);
    await change(target, { isActive: true });
    await untilRequested(target.path);
    await until(async () => (await statusOf(target)) === 'up', { what: 'the status' });
  });

  it('takes effect at once when it is another interval, which is watched as soon as it is steady', async () => {
    const target = await watchedTarget(real, SELDOM);
    await change(target, { checkIntervalSeconds: 2 });
    await untilRequested(target.path);
    await until(async () => (await watchOf(real.db, target))?.version === 2, { what: 'the next watch' });
    expect((await storedChecks(real.db, target)).length).toBeGreaterThanOrEqual(3);
  });

  it('ends everything at once when it is deleted', async () => {
    const target = await watchedTarget(real, SELDOM);
    await real.db.targets().delete(target.id);
    await real.workflows.retire(target.id);
    await untilUnwatched(target);
    await real.handleOf(target).result();
    expect(real.farm.requests(target.path)).toEqual([]);
  });
});

describe('a target that is watched', () => {
  it('is checked now beside its watch', async () => {
    const target = await watchedTarget(real, SELDOM);
    const before = await watchOf(real.db, target);
    const askedAt = Date.now();
    const answer = await real.workflows.checkNow({ target, failureThreshold: 2 }, crypto.randomUUID());
    expect(Date.now() - askedAt).toBeLessThan(PROMPT_MS);
    expect(answer).toMatchObject({ status: 'up', result: { statusCode: 200 } });
    expect((await storedChecks(real.db, target)).map(({ kind }) => kind)).toEqual(['manual']);
    expect(await watchOf(real.db, target)).toEqual(before);
  });

  it('is confirmed down at its retry interval, watched while it is down, and up at once', async () => {
    const target = await watchedTarget(real, { checkIntervalSeconds: 2, retryIntervalSeconds: 1 });
    real.farm.answer(target.path, 500);
    await until(async () => (await statusOf(target)) === 'down', { what: 'down' });
    const failures = (await storedChecks(real.db, target)).filter(
      ({ failureClass }) => failureClass !== null,
    );
    const [first, second] = failures.map(({ scheduledAt }) => scheduledAt);
    expect((second ?? 0) - (first ?? 0)).toBe(1_000);
    await until(async () => (await watchOf(real.db, target))?.status === 'down', { what: 'a watch of it' });

    real.farm.answer(target.path, 200);
    await until(async () => (await statusOf(target)) === 'up', { what: 'up' });
    const checks = await storedChecks(real.db, target);
    const firstPass = checks[checks.findLastIndex(({ failureClass }) => failureClass !== null) + 1];
    expect(await real.db.targets().find(target.id)).toMatchObject({
      ...{ status: 'up', episode: 1 },
      lastStateChangeAt: new Date(firstPass?.scheduledAt ?? Number.NaN),
    });
  });

  it('tells what the worker that had it before decided and did not tell', async () => {
    const target = await watchedTarget(real, SELDOM);
    await sql`
      update http_target_states set status = 'down', episode = 1, consecutive_passes = 0, consecutive_failures = 2
      where target_key = (select key from http_targets where id = ${target.id})
    `.execute(real.db.orm.em.fork().getKysely<object>());
    await freeWatch(real.db, target);
    await until(async () => (await statusOf(target)) === 'down', { withinMs: PROMPT_MS, what: 'down' });
    expect(real.farm.requests(target.path)).toEqual([]);
  });

  it('is not written by a worker whose watch another has taken', async () => {
    const [target, witness] = await Promise.all([watchedTarget(real), watchedTarget(real)]);
    const thief = await takeWatch(real.db, target);
    await until(() => real.farm.requests(target.path).length === 1, {
      what: 'the slot of the worker that lost it',
    });
    const stored = async (one: Target): Promise<number> => (await storedChecks(real.db, one)).length;
    const seen = await stored(witness);
    await until(async () => (await stored(witness)) >= seen + 2, { what: 'two slots of another target' });
    expect(await stored(target)).toBe(0);
    expect(real.farm.requests(target.path)).toHaveLength(1);

    await sql`delete from workers where id = ${thief}`.execute(real.db.orm.em.fork().getKysely<object>());
    await until(async () => (await stored(target)) > 0, {
      what: 'a check by whoever it fell to',
      withinMs: 8_000,
    });
    expect((await real.handleOf(target).query(statusQuery)).words).toMatch(/watched until/);
  });
});

describe('a watch whose workflow somebody terminated', () => {
  let failing: SteadyTarget;
  let passing: SteadyTarget;

  beforeAll(async () => {
    [failing, passing] = await Promise.all([watchedTarget(real), watchedTarget(real, SELDOM)]);
    await Promise.all([failing, passing].map((target) => real.handleOf(target).terminate('by mistake')));
  });

  it('ends with its news', async () => {
    real.farm.answer(failing.path, 500);
    await untilUnwatched(failing, 5_000 + PROMPT_MS);
    expect(real.farm.requests(failing.path).length).toBeGreaterThan(0);
  });

  it('ends with its heartbeat', async () => {
    expect(await watchOf(real.db, passing)).not.toBeNull();
    const now = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => now() + HEARTBEAT_EVERY_MS);
    await untilUnwatched(passing, 15_000 + 3 * PROMPT_MS);
    jest.restoreAllMocks();
    expect(real.farm.requests(passing.path).length).toBeLessThanOrEqual(1);
  });
});
