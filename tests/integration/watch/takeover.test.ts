import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { nextSlot } from '../../../src/domain/schedule.ts';
import { watchedTarget, type SteadyTarget } from '../../support/steadyTargets.ts';
import { slotGaps, storedChecks } from '../../support/storedChecks.ts';
import { until } from '../../support/until.ts';
import { watchOf, watchRows } from '../../support/watchRows.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/workerProcess.ts';
import { openWorkerSurroundings, type WorkerSurroundings } from '../../support/workerSurroundings.ts';

jest.setTimeout(120_000);

const TARGETS = 40;
const INTERVAL_MS = 5_000;
/** One worker may have a few more than the other. */
const FAIR_SHARE = 13;
/** Each makes its own bundle of the workflows, beside other tests. */
const POLLING_WITHIN_MS = 60_000;
/** They move with the signal. */
const HANDED_OVER_WITHIN_MS = 5_000;
/** That a process of the same machine is gone shows with the next renewal, every 3 s; its lease would last for 10. */
const TAKEN_OVER_WITHIN_MS = 8_000;
/** Of a process that stands still, but lives: its lease has to run out. */
const LEASE_AND_ROUNDS_MS = 20_000;

let surroundings: WorkerSurroundings;
let one: WorkerProcess;
let two: WorkerProcess;
let targets: readonly SteadyTarget[];
const started: WorkerProcess[] = [];

/** Some of the targets are being looked at whenever something happens to a worker. */
function slowly(response: ServerResponse): void {
  setTimeout(() => response.end('the answer'), 500);
}

async function startWorker(name: string): Promise<WorkerProcess> {
  const worker = await startWorkerProcess(name, surroundings.env);
  started.push(worker);
  await until(() => worker.log().includes('worker is polling'), {
    withinMs: POLLING_WITHIN_MS,
    what: `a polling ${name}`,
  });
  return worker;
}

beforeAll(async () => {
  surroundings = await openWorkerSurroundings();
  [one, two] = await Promise.all([startWorker('one'), startWorker('two')]);
  targets = await Promise.all(Array.from({ length: TARGETS }, () => watchedTarget(surroundings)));
  for (const { path } of targets) surroundings.farm.answer(path, slowly);
});

afterAll(async () => {
  await Promise.all(started.map((worker) => worker.kill()));
  await surroundings.close();
});

async function targetsOf({ name }: WorkerProcess): Promise<SteadyTarget[]> {
  const rows = await watchRows(surroundings.db);
  const ids = new Set(rows.filter(({ worker }) => worker === name).map(({ targetId }) => targetId));
  return targets.filter(({ id }) => ids.has(id));
}

async function untilShared(): Promise<void> {
  await until(
    async () => {
      const shares = await Promise.all([one, two].map(async (worker) => (await targetsOf(worker)).length));
      return shares.every((share) => share >= FAIR_SHARE) && shares.reduce((a, b) => a + b, 0) === TARGETS;
    },
    { what: 'two about even shares' },
  );
}

async function untilAllWith(worker: WorkerProcess, withinMs: number): Promise<void> {
  await until(async () => (await targetsOf(worker)).length === TARGETS, {
    withinMs,
    what: `all watches with ${worker.name}`,
  });
}

/** Waits until each target has so many checks that began after an instant (UTC milliseconds). */
async function untilAllChecked(after: number, count = 1): Promise<void> {
  const isChecked = async (target: SteadyTarget): Promise<boolean> =>
    (await storedChecks(surroundings.db, target)).filter(({ startedAt }) => startedAt > after).length >=
    count;
  await until(async () => (await Promise.all(targets.map(isChecked))).every(Boolean), {
    ...{ what: `${count} more checks of all targets`, everyMs: 100 },
  });
}

async function expectNothingChanged(): Promise<void> {
  for (const target of targets) {
    const { status, episode, lastStateChangeAt } = target;
    expect(await surroundings.db.targets().find(target.id)).toMatchObject({
      ...{ status, episode, lastStateChangeAt },
    });
    const checks = await storedChecks(surroundings.db, target);
    expect(checks.filter(({ failureClass }) => failureClass !== null)).toEqual([]);
  }
}

/**
 * Slots beside the target's own, by target: after an absence of ours a target is looked at as soon as it can be, once.
 *
 * @param after UTC milliseconds
 */
async function slotsBesidePhase(after: number): Promise<number[]> {
  const checks = await Promise.all(
    targets.map(async (target) =>
      (await storedChecks(surroundings.db, target)).map((check) => ({ target, check })),
    ),
  );
  return checks.map(
    (own) =>
      own.filter(
        ({ target, check: { scheduledAt } }) =>
          scheduledAt > after && nextSlot(target.id, INTERVAL_MS, scheduledAt - 1) !== scheduledAt,
      ).length,
  );
}

/** Milliseconds from one request of a target to the next, of all targets, by the server that they are on. */
function requestGaps(after: number): number[] {
  return targets.flatMap(({ path }) => {
    const times = surroundings.farm.requests(path).flatMap(({ at }) => (at > after ? at : []));
    return times.slice(1).map((at, index) => at - (times[index] ?? 0));
  });
}

describe('two worker processes that watch', () => {
  it('share the targets about evenly', async () => {
    await untilShared();
    await untilAllChecked(0);
  });

  it('hand their watches on at SIGTERM: no slot is missed, and nothing is looked at twice', async () => {
    const askedAt = Date.now();
    one.signal('SIGTERM');
    expect(await one.exited).toBe(0);
    await untilAllWith(two, HANDED_OVER_WITHIN_MS);
    await untilAllChecked(askedAt, 2);
    for (const target of targets) {
      const checks = await storedChecks(surroundings.db, target);
      const gaps = slotGaps(checks.filter(({ scheduledAt }) => scheduledAt > askedAt - INTERVAL_MS));
      expect({ id: target.id, gaps }).toEqual({ id: target.id, gaps: gaps.map(() => INTERVAL_MS) });
      // The last look may be on its way to its row.
      await until(
        async () =>
          surroundings.farm.requests(target.path).length ===
          (await storedChecks(surroundings.db, target)).length,
        { what: `a row for each look at ${target.path}` },
      );
    }
    await expectNothingChanged();
  });

  it('share again when another one starts', async () => {
    one = await startWorker('one');
    await untilShared();
  });

  it('lose nothing to one that stands still, and nothing of it counts when it wakes up', async () => {
    const seldom = await watchedSeldomBy(one);
    const looking = await untilLookingAtOneOf(await targetsOf(one));
    one.signal('SIGSTOP');
    const stoppedAt = Date.now();
    surroundings.farm.answer(looking.path, 200);
    await untilAllWith(two, LEASE_AND_ROUNDS_MS);
    await untilAllChecked(Date.now());
    const claims = await claimsByTarget();

    const wokenAt = Date.now();
    one.signal('SIGCONT');
    await untilShared();
    await untilAllChecked(Date.now());
    await expectNothingChanged();
    expect(Math.max(...(await slotsBesidePhase(stoppedAt)))).toBeLessThanOrEqual(1);
    expect(requestGaps(wokenAt).filter((gap) => gap < INTERVAL_MS / 2)).toEqual([]);
    expect(surroundings.farm.requests(seldom.path)).toHaveLength(1);
    expect(await storedChecks(surroundings.db, seldom)).toHaveLength(1);
    // What it has now was given to it anew.
    for (const { id } of await targetsOf(one)) {
      expect(Number((await claimsByTarget()).get(id))).toBeGreaterThan(Number(claims.get(id)));
    }
  });

  it('take over what a killed one watched', async () => {
    const killedAt = Date.now();
    await one.kill();
    await untilAllWith(two, TAKEN_OVER_WITHIN_MS);
    await untilAllChecked(killedAt, 2);
    expect(Date.now() - killedAt).toBeLessThan(TAKEN_OVER_WITHIN_MS + 2 * INTERVAL_MS);
    await expectNothingChanged();
    expect(Math.max(...(await slotsBesidePhase(killedAt)))).toBeLessThanOrEqual(1);
  });
});

async function claimsByTarget(): Promise<Map<string, string>> {
  return new Map((await watchRows(surroundings.db)).map(({ targetId, claim }) => [targetId, claim]));
}

/** Waits until one of these targets is being looked at and gives no answer. */
async function untilLookingAtOneOf([target]: readonly SteadyTarget[]): Promise<SteadyTarget> {
  if (target === undefined) throw new Error('It watches nothing.');
  surroundings.farm.answer(target.path, 'hang');
  await until(() => surroundings.farm.open(target.path).length === 1, { what: 'a look', everyMs: 5 });
  return target;
}

/** A target of a worker with one slot within the next seconds, and then none for minutes. */
async function watchedSeldomBy({ name }: WorkerProcess): Promise<SteadyTarget> {
  for (;;) {
    const target = await watchedTarget(surroundings, {
      checkIntervalSeconds: 300,
      firstSlotIn: { least: 6_000, most: 10_000 },
    });
    if ((await watchOf(surroundings.db, target))?.worker === name) return target;
  }
}
