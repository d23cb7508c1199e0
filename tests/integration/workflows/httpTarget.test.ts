import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { Context } from '@temporalio/activity';
import type { Activities, CheckTargetAnswer, CheckTargetInput } from '../../../src/activities/contracts.ts';
import type { TargetSchedule } from '../../../src/domain/schedule.ts';
import {
  checkNowUpdate,
  configureSignal,
  pauseSignal,
  resumeSignal,
  retireSignal,
  statusQuery,
} from '../../../src/workflows/messages.ts';
import { buildSchedule, recordedAnswer, unrecordedAnswer } from '../../support/buildCheck.ts';
import { startTimeSkipping, type TimeSkipping } from '../../support/timeSkipping.ts';
import { until } from '../../support/until.ts';
import {
  allHaveEnded,
  failed,
  passed,
  passing,
  Rows,
  startHttpTarget,
  type Handle,
} from '../../support/workflowRows.ts';

jest.setTimeout(300_000);

const HOUR = 3_600_000;
let temporal: TimeSkipping;

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

const started: Handle[] = [];

async function startTarget(taskQueue: string, schedule: TargetSchedule): Promise<Handle> {
  const handle = await startHttpTarget(temporal, taskQueue, schedule);
  started.push(handle);
  return handle;
}

/** A probe of a target that does not answer: ends by cancellation alone. */
async function hanging(): Promise<CheckTargetAnswer> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 50);
  try {
    return await context.cancelled;
  } finally {
    clearInterval(beat);
  }
}

describe('#httpTarget', () => {
  it('rolls into new runs without losing its state', async () => {
    const rows = new Rows();
    await temporal.withWorker(passing(rows), async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule({ intervalSeconds: 60 }));
      await temporal.env.sleep(5 * HOUR);
      const description = await handle.describe();
      expect(description.runId).not.toBe(handle.firstExecutionRunId);
      expect(description.historyLength).toBeLessThan(300);
      await handle.signal(retireSignal);
      await handle.result();
    });
    const gaps = rows.slots.slice(2).map((slot, index) => slot - (rows.slots[index + 1] ?? 0));
    expect(new Set(gaps)).toEqual(new Set([60_000]));
  });

  it('confirms a failure at the retry interval before it says DOWN, and returns UP at once', async () => {
    const rows = new Rows();
    let isBroken = false;
    const activities = passing(rows, (input) => (isBroken ? failed(input) : passed(input)));
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(1_000);
      isBroken = true;
      await temporal.env.sleep(400_000);
      const down = await handle.query(statusQuery);
      expect(down.state).toMatchObject({ status: 'down', episode: 1 });
      expect(down.words).toMatch(
        /^down since .*Z, connect: Connection refused by 127\.0\.0\.1:1, next check /,
      );
      isBroken = false;
      await temporal.env.sleep(300_000);
      expect((await handle.query(statusQuery)).state.status).toBe('up');
      await handle.signal(retireSignal);
      await handle.result();
    });
    const failures = [...rows.bySlot.values()].filter(({ failureClass }) => failureClass !== null);
    expect((failures[1]?.scheduledAt ?? 0) - (failures[0]?.scheduledAt ?? 0)).toBe(30_000);
  });

  it('stops while paused and checks at once when resumed', async () => {
    const rows = new Rows();
    await temporal.withWorker(passing(rows), async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(1_000);
      await handle.signal(pauseSignal, { version: 2 });
      await temporal.env.sleep(3 * HOUR);
      expect(rows.slots).toHaveLength(1);
      expect((await handle.query(statusQuery)).words).toBe('paused');
      await expect(handle.executeUpdate(checkNowUpdate)).rejects.toMatchObject({
        cause: { type: 'TargetPaused' },
      });
      const resumedAt = await temporal.now();
      await handle.signal(resumeSignal, { version: 3 });
      await temporal.env.sleep(1_000);
      expect(rows.slots).toHaveLength(2);
      expect((rows.slots[1] ?? 0) - resumedAt).toBeLessThan(1_500);
      await handle.signal(retireSignal);
      await handle.result();
    });
  });

  it('follows a new interval from the middle of a sleep', async () => {
    const rows = new Rows();
    await temporal.withWorker(passing(rows), async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule({ intervalSeconds: 86_400 }));
      await temporal.env.sleep(HOUR);
      await handle.signal(configureSignal, buildSchedule({ version: 2, intervalSeconds: 60 }));
      await temporal.env.sleep(HOUR);
      await handle.signal(retireSignal);
      await handle.result();
    });
    expect(rows.slots.length).toBeGreaterThanOrEqual(61);
    expect(rows.slots.length).toBeLessThanOrEqual(63);
  });

  it('ignores a schedule that is older than the one it follows', async () => {
    const rows = new Rows();
    await temporal.withWorker(passing(rows), async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule({ version: 5 }));
      await handle.signal(configureSignal, buildSchedule({ version: 4, intervalSeconds: 5 }));
      await handle.signal(pauseSignal, { version: 3 });
      const view = await handle.query(statusQuery);
      expect(view.schedule).toMatchObject({ version: 5, intervalSeconds: 300, isActive: true });
      await handle.signal(retireSignal);
      await handle.result();
    });
  });

  it('drops a probe that is running when it is configured, and checks under the new configuration', async () => {
    const rows = new Rows();
    let cancelled = 0;
    const activities: Partial<Activities> = {
      checkTarget: async (input) => {
        if (input.schedule.version > 1) return passing(rows).checkTarget(input);
        try {
          return await hanging();
        } catch (error) {
          if (error instanceof CancelledFailure) cancelled += 1;
          throw error;
        }
      },
    };
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule({ timeoutSeconds: 60 }));
      await until(async () => (await handle.describe()).raw.pendingActivities?.length === 1);
      await handle.signal(configureSignal, buildSchedule({ version: 2 }));
      await until(() => rows.slots.length === 1 && cancelled === 1);
      await handle.signal(retireSignal);
      await handle.result();
    });
    expect(rows.slots).toHaveLength(1);
  });

  it.each([
    ['paused', (handle: Handle) => handle.signal(pauseSignal, { version: 2 }), 'TargetPaused'],
    ['deleted', (handle: Handle) => handle.signal(retireSignal), 'TargetRetired'],
  ])('refuses a check now whose target is %s meanwhile', async (_name, end, type) => {
    await temporal.withWorker({ checkTarget: hanging }, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule({ timeoutSeconds: 60 }));
      const update = await handle.startUpdate(checkNowUpdate, { waitForStage: 'ACCEPTED' });
      await end(handle);
      await expect(update.result()).rejects.toMatchObject({ cause: { type } });
      await handle.signal(retireSignal).catch(() => undefined);
      await handle.result();
    });
  });

  it('answers a check now with what it finds, counts it, and keeps the phase', async () => {
    const rows = new Rows();
    await temporal.withWorker(passing(rows), async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(301_000);
      const before = await handle.query(statusQuery);
      const answer = await handle.executeUpdate(checkNowUpdate);
      expect(answer).toMatchObject({ status: 'up', result: { kind: 'manual', statusCode: 200 } });
      const after = await handle.query(statusQuery);
      expect(after.nextCheckAt).toBe(before.nextCheckAt);
      expect(after.state.consecutivePasses).toBe(before.state.consecutivePasses + 1);
      await handle.signal(retireSignal);
      await handle.result();
    });
  });

  it('joins the check that is running instead of probing twice', async () => {
    const rows = new Rows();
    const started = Promise.withResolvers<CheckTargetInput>();
    const gate = Promise.withResolvers<undefined>();
    const activities: Partial<Activities> = {
      checkTarget: async (input) => {
        started.resolve(input);
        await gate.promise;
        return passing(rows).checkTarget(input);
      },
    };
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      const { slot } = await started.promise;
      const updates = await Promise.all(
        [1, 2].map(() => handle.startUpdate(checkNowUpdate, { waitForStage: 'ACCEPTED' })),
      );
      gate.resolve(undefined);
      const answers = await Promise.all(updates.map((update) => update.result()));
      expect(answers.map(({ result }) => result.scheduledAt)).toEqual([slot, slot]);
      await handle.signal(retireSignal);
      await handle.result();
    });
    expect(rows.slots).toHaveLength(1);
  });

  it('answers a check now that is in flight when the run has grown long, and rolls after it', async () => {
    const rows = new Rows();
    let gate: PromiseWithResolvers<undefined> | null = null;
    const activities: Partial<Activities> = {
      checkTarget: async (input) => {
        if (gate !== null && input.kind === 'manual') await gate.promise;
        return passing(rows).checkTarget(input);
      },
    };
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(1_000);
      gate = Promise.withResolvers();
      const update = await handle.startUpdate(checkNowUpdate, { waitForStage: 'ACCEPTED' });
      const renamed = buildSchedule({ name: 'renamed' });
      while ((await handle.describe()).historyLength < 300) await handle.signal(configureSignal, renamed);
      expect((await handle.describe()).runId).toBe(handle.firstExecutionRunId);
      gate.resolve(undefined);
      expect(await update.result()).toMatchObject({ status: 'up', result: { kind: 'manual' } });
      await temporal.env.sleep(HOUR);
      expect((await handle.describe()).runId).not.toBe(handle.firstExecutionRunId);
      expect(await handle.query(statusQuery)).toMatchObject({
        schedule: { name: 'renamed' },
        state: { status: 'up' },
      });
      await handle.signal(retireSignal);
      await handle.result();
    });
  });

  it('loses nothing and doubles nothing while Postgres is away for an hour', async () => {
    const rows = new Rows();
    let isAway = false;
    const wrote: number[] = [];
    const activities: Partial<Activities> = {
      checkTarget: (input) => {
        if (!isAway) return passing(rows).checkTarget(input);
        return Promise.resolve(unrecordedAnswer(passed(input)));
      },
      recordChecks: ({ results }) => {
        if (isAway) throw ApplicationFailure.retryable('connection refused');
        wrote.push(results.length);
        for (const result of results) rows.store(result);
        return Promise.resolve();
      },
    };
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(10 * 60_000);
      isAway = true;
      await temporal.env.sleep(HOUR);
      expect((await handle.query(statusQuery)).words).toMatch(/12 results wait for Postgres$/);
      isAway = false;
      await temporal.env.sleep(10 * 60_000);
      expect((await handle.query(statusQuery)).unrecordedChecks).toBe(0);
      await handle.signal(retireSignal);
      await handle.result();
    });
    const regular = rows.slots.slice(1);
    expect(new Set(regular.slice(1).map((slot, index) => slot - (regular[index] ?? 0)))).toEqual(
      new Set([300_000]),
    );
    expect(wrote).toEqual([12]);
    expect(rows.doubled).toBe(0);
  });

  it('goes on while Postgres hangs: results that were committed after all are not doubled', async () => {
    const rows = new Rows();
    let isHanging = false;
    let rewritten = 0;
    const activities: Partial<Activities> = {
      checkTarget: (input) => {
        const result = passed(input);
        rows.store(result); // the commit happens, but nobody hears of it in time
        return Promise.resolve(isHanging ? unrecordedAnswer(result) : recordedAnswer(input, result));
      },
      recordChecks: ({ results }) => {
        if (isHanging) return Context.current().cancelled; // until it times out
        rewritten += results.length;
        for (const result of results) rows.store(result);
        return Promise.resolve();
      },
    };
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      isHanging = true;
      await temporal.env.sleep(HOUR / 3); // each write that times out takes 10 s of real time
      isHanging = false;
      await temporal.env.sleep(10 * 60_000);
      expect((await handle.query(statusQuery)).unrecordedChecks).toBe(0);
      await handle.signal(retireSignal);
      await handle.result();
    });
    expect(rows.doubled).toBe(rewritten);
    const gaps = rows.slots.slice(2).map((slot, index) => slot - (rows.slots[index + 1] ?? 0));
    expect(new Set(gaps)).toEqual(new Set([300_000]));
  });

  it('keeps a deleted target until its results are written, and gives up after a day', async () => {
    const away: Partial<Activities> = {
      checkTarget: (input) => Promise.resolve(unrecordedAnswer(passed(input))),
      recordChecks: () => Promise.reject(ApplicationFailure.retryable('connection refused')),
    };
    await temporal.withWorker(away, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(1_000);
      await handle.signal(retireSignal);
      await temporal.env.sleep(23 * HOUR);
      expect((await handle.describe()).status.name).toBe('RUNNING');
      await temporal.env.sleep(2 * HOUR);
      expect((await handle.describe()).status.name).toBe('COMPLETED');
    });
  });

  it('asks for its configuration when a check finds that a message was lost', async () => {
    const rows = new Rows();
    const activities: Partial<Activities> = {
      checkTarget: (input) =>
        input.schedule.version === 1
          ? Promise.resolve({ kind: 'superseded', version: 2 })
          : passing(rows).checkTarget(input),
      loadSchedule: () => Promise.resolve(buildSchedule({ version: 2, intervalSeconds: 60 })),
    };
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(5 * 60_000);
      expect((await handle.query(statusQuery)).schedule).toMatchObject({ version: 2, intervalSeconds: 60 });
      expect(rows.slots.length).toBeGreaterThanOrEqual(5);
      await handle.signal(retireSignal);
      await handle.result();
    });
  });

  it('retires by itself when a check finds its target deleted', async () => {
    const activities: Partial<Activities> = {
      checkTarget: () => Promise.resolve({ kind: 'deleted' }),
    };
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await handle.result();
      expect((await handle.describe()).status.name).toBe('COMPLETED');
    });
  });

  it('does not count our own broken activity against the target', async () => {
    const rows = new Rows();
    let broken = true;
    const activities: Partial<Activities> = {
      checkTarget: (input) => {
        if (broken) throw new Error('our own bug');
        return passing(rows).checkTarget(input);
      },
    };
    await temporal.withWorker(activities, async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(HOUR);
      const view = await handle.query(statusQuery);
      expect(view.state).toMatchObject({ status: 'unknown', consecutiveFailures: 0 });
      broken = false;
      await temporal.env.sleep(10 * 60_000);
      expect((await handle.query(statusQuery)).state.status).toBe('up');
      await handle.signal(retireSignal);
      await handle.result();
    });
  });

  it('writes no URL, header or body into its history', async () => {
    await temporal.withWorker(passing(new Rows()), async (taskQueue) => {
      const handle = await startTarget(taskQueue, buildSchedule());
      await temporal.env.sleep(HOUR);
      const history = JSON.stringify(await handle.fetchHistory());
      const payloads = [...history.matchAll(/"data":\s*"([^"]*)"/g)].map(([, data]) =>
        Buffer.from(data ?? '', 'base64').toString('utf8'),
      );
      expect(payloads.join('\n')).not.toMatch(/https?:|headers|body(?!_too)/);
      await handle.signal(retireSignal);
      await handle.result();
    });
  });
});
