import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../../../src/activities/contracts.ts';
import type { TargetSchedule } from '../../../src/domain/schedule.ts';
import {
  INITIAL_STATE,
  pause,
  reduceCheck,
  resume,
  type TargetState,
} from '../../../src/domain/targetState.ts';
import {
  checkNowUpdate,
  pauseSignal,
  resumeSignal,
  retireSignal,
  statusQuery,
  watchLostSignal,
} from '../../../src/workflows/messages.ts';
import { buildResult, buildSchedule } from '../../support/buildCheck.ts';
import { startTimeSkipping, type TimeSkipping } from '../../support/timeSkipping.ts';
import { eventsOfAllRuns, publishedStatuses } from '../../support/workflowHistory.ts';
import {
  allHaveEnded,
  failed,
  passed,
  Rows,
  startHttpTarget,
  watching,
  type CheckIdentity,
  type Handle,
} from '../../support/workflowRows.ts';

jest.setTimeout(600_000);

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const INTERVAL = 5 * MINUTE;
/** Many watches may be lost at once: their checks are spread. */
const SOON = 16_000;
/** Of the week: nothing happens on these, so some watch lasts as long as it may. */
const CALM_DAYS = { from: 3, to: 5 };
let temporal: TimeSkipping;
const started: Handle[] = [];

beforeAll(async () => {
  temporal = await startTimeSkipping();
});

afterAll(() => temporal.teardown());

/** A workflow that a failed test leaves behind would hold the skipped time still for all others. */
afterEach(async () => {
  if (await allHaveEnded(started.splice(0))) return;
  await temporal.teardown();
  temporal = await startTimeSkipping();
});

async function startTarget(taskQueue: string, schedule: TargetSchedule): Promise<Handle> {
  const handle = await startHttpTarget(temporal, taskQueue, schedule);
  started.push(handle);
  return handle;
}

async function end(handle: Handle): Promise<void> {
  await handle.signal(retireSignal);
  await handle.result();
}

/** Some checks fail alone, and now and then all of half an hour; the same for each slot, whoever asks. */
function troubled(check: CheckIdentity): ReturnType<typeof passed> {
  const scatter = (value: number): number => Math.abs(Math.sin(value * 12.9898) * 43_758.5453) % 1;
  const isBlip = scatter(Math.floor(check.slot / INTERVAL)) < 0.02;
  const isOutage = scatter(Math.floor(check.slot / (30 * MINUTE)) + 0.5) < 0.1;
  return isBlip || isOutage ? failed(check) : passed(check);
}

interface Pause {
  readonly from: number;
  readonly to: number;
}

/** By the bare reducer, over the rows and the pauses alone. */
function decidedByReducer(rows: Rows, pauses: readonly Pause[]): { state: TargetState; statuses: string[] } {
  const schedule = buildSchedule();
  const steps = [
    ...rows.since(0).map((row) => ({
      at: row.scheduledAt,
      reduce: (state: TargetState) => reduceCheck(state, row, schedule),
    })),
    ...pauses.map(({ from }) => ({ at: from, reduce: (state: TargetState) => pause(state, from) })),
    ...pauses.map(({ to }) => ({ at: to, reduce: (state: TargetState) => resume(state, to) })),
  ].sort((a, b) => a.at - b.at);
  let state = INITIAL_STATE;
  const statuses: string[] = [];
  for (const step of steps) {
    const reduction = step.reduce(state);
    state = reduction.state;
    if (reduction.transition !== null) statuses.push(reduction.transition.to.toUpperCase());
  }
  return { state, statuses };
}

function longestGap(slots: readonly number[]): number {
  return Math.max(...slots.slice(1).map((slot, index) => slot - (slots[index] ?? 0)));
}

describe('#httpTarget with watches', () => {
  it('decides a week of watches and steps as the bare reducer does, through pauses and new workers', async () => {
    const rows = new Rows();
    const pauses: Pause[] = [];
    const ends: string[] = [];
    const began = await temporal.now();
    const { checkTarget, watchTarget } = watching(temporal, rows, (check) => {
      const day = (check.slot - began) / DAY;
      return day >= CALM_DAYS.from && day < CALM_DAYS.to ? passed(check) : troubled(check);
    });
    const activities: Partial<Activities> = {
      checkTarget,
      watchTarget: async (input) => {
        const seen = await watchTarget(input);
        ends.push(seen.end);
        return seen;
      },
    };
    const queue = `week-${crypto.randomUUID()}`;
    const handle = await startTarget(queue, buildSchedule());
    let pausedAt: number | null = null;
    const resumed = async (version: number): Promise<void> => {
      if (pausedAt === null) return;
      pauses.push({ from: pausedAt, to: await temporal.now() });
      await handle.signal(resumeSignal, { version });
    };
    // Workers change during the pauses: the test server may give the next attempt of an activity to one that has just
    // ceased to ask, and then time is skipped no more.
    for (let day = 0; day < 7; day += 1) {
      const dayOfWork = async (): Promise<void> => {
        await resumed(2 * day + 1);
        await temporal.env.sleep(23 * HOUR);
        pausedAt = await temporal.now();
        await handle.signal(pauseSignal, { version: 2 * day + 2 });
        await temporal.env.sleep(HOUR);
      };
      await temporal.withWorker(activities, dayOfWork, queue);
    }
    await temporal.withWorker(
      activities,
      async () => {
        await resumed(15);
        await temporal.env.sleep(HOUR);
        const { state } = await handle.query(statusQuery);
        // What the last watch saw is not told yet; it is no news.
        const { status, episode } = decidedByReducer(rows, pauses).state;
        expect(state).toMatchObject({ status, episode });
        await end(handle);
      },
      queue,
    );

    const runs = await eventsOfAllRuns(temporal, handle);
    const { statuses } = decidedByReducer(rows, pauses);
    expect(publishedStatuses(runs.flat())).toEqual(statuses);
    expect(statuses.filter((status) => status === 'DOWN').length).toBeGreaterThan(5);
    expect(new Set(ends)).toEqual(new Set(['window', 'failure', 'status', 'revoked']));
    expect(runs.length).toBeGreaterThan(3);

    expect(rows.doubled).toBe(0);
    const whole = [0, ...pauses.map(({ to }) => to)].map((from, index) =>
      rows.slots.filter((slot) => slot >= from && slot <= (pauses[index]?.from ?? Infinity)),
    );
    expect(Math.max(...whole.map(longestGap))).toBe(INTERVAL);
    expect(rows.slots.filter((slot) => pauses.some(({ from, to }) => slot > from && slot < to))).toEqual([]);
  });

  it('begins the next watch at once when the certificate came nearer to its end', async () => {
    const rows = new Rows();
    const firstSlots: number[] = [];
    const ends: string[] = [];
    const expiresAt = (await temporal.now()) + 30 * DAY + HOUR;
    const { checkTarget, watchTarget } = watching(temporal, rows, ({ slot, kind }) =>
      buildResult({ scheduledAt: slot, kind, certificateExpiresAt: expiresAt }),
    );
    const stepped: number[] = [];
    const activities: Partial<Activities> = {
      checkTarget: (input) => {
        stepped.push(input.slot);
        return checkTarget(input);
      },
      watchTarget: async (input) => {
        firstSlots.push(input.firstSlot);
        const seen = await watchTarget(input);
        ends.push(seen.end);
        return seen;
      },
    };
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(3 * HOUR);
      expect(ends).toEqual(['certificate']);
      await end(handle);
    });
    expect(stepped).toHaveLength(4);
    expect(firstSlots).toHaveLength(2);
    const told = rows.slots.filter((slot) => slot < (firstSlots[1] ?? 0)).at(-1) ?? 0;
    expect(expiresAt - told).toBeLessThanOrEqual(30 * DAY);
    expect(expiresAt - told).toBeGreaterThan(30 * DAY - INTERVAL);
    expect(longestGap(rows.slots)).toBe(INTERVAL);
  });

  it('checks soon and steps when a watch was lost, and watches again when the target is steady', async () => {
    const rows = new Rows();
    const { checkTarget, watchTarget } = watching(temporal, rows);
    const lostAt: number[] = [];
    const activities: Partial<Activities> = {
      checkTarget,
      watchTarget: async (input) => {
        if (lostAt.length > 0) return watchTarget(input);
        await temporal.env.sleep(2 * MINUTE);
        lostAt.push(await temporal.now());
        throw ApplicationFailure.nonRetryable('nobody answers it any more');
      },
    };
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(HOUR);
      expect((await handle.query(statusQuery)).words).toMatch(/^up, .*, watched until /);
      const before = rows.slots.length;
      const toldAt = await temporal.now();
      await handle.signal(watchLostSignal);
      await temporal.env.sleep(SOON);
      expect(rows.slots).toHaveLength(before + 1);
      expect((rows.slots.at(-1) ?? 0) - toldAt).toBeLessThan(SOON);
      await temporal.env.sleep(HOUR);
      await end(handle);
    });
    const [lost = 0] = lostAt;
    const first = rows.slots.find((slot) => slot >= lost - 1_000) ?? 0;
    expect(first - lost).toBeLessThan(SOON);
    expect(longestGap(rows.slots)).toBeLessThanOrEqual(INTERVAL);
    expect(rows.doubled).toBe(0);
  });

  it('rolls into a new run, however often its target is checked beside the watch', async () => {
    const rows = new Rows();
    await temporal.withWorker(watching(temporal, rows), async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(HOUR);
      const { runId } = await handle.describe();
      for (let asked = 0; asked < 40; asked += 1) {
        await expect(handle.executeUpdate(checkNowUpdate)).resolves.toMatchObject({ status: 'up' });
      }
      await temporal.env.sleep(HOUR);
      expect((await handle.describe()).runId).not.toBe(runId);
      expect((await handle.query(statusQuery)).words).toMatch(/^up, .*, watched until /);
      await end(handle);
    });
    expect(longestGap(rows.slots)).toBeLessThanOrEqual(INTERVAL);
  });

  it('writes what a watch hands back when the target was deleted meanwhile', async () => {
    const rows = new Rows();
    const seen = buildResult({ scheduledAt: 1 });
    const written: number[] = [];
    const { checkTarget, watchTarget } = watching(temporal, rows);
    const activities: Partial<Activities> = {
      checkTarget,
      watchTarget: async (input) => ({
        ...(await watchTarget(input)),
        unrecorded: [{ result: seen, isTransition: false }],
      }),
      recordChecks: ({ results }) => {
        written.push(...results.map(({ scheduledAt }) => scheduledAt));
        return Promise.resolve();
      },
    };
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(20 * MINUTE);
      await end(handle);
    });
    expect(written).toEqual([seen.scheduledAt]);
  });
});
