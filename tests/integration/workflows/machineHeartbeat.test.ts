import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { HeartbeatSchedule } from '../../../src/domain/heartbeat.ts';
import {
  configureMachineSignal,
  machineStatusQuery,
  retireMachineSignal,
  seenSignal,
  type MachineHeartbeatView,
} from '../../../src/workflows/machineMessages.ts';
import { PlayedMachine, type MachineHandle } from '../../support/playedMachine.ts';
import { startTimeSkipping, type TimeSkipping } from '../../support/timeSkipping.ts';
import { until } from '../../support/until.ts';
import { eventsOfAllRuns, publishedStatuses } from '../../support/workflowHistory.ts';

jest.setTimeout(600_000);

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];
let temporal: TimeSkipping;

beforeAll(async () => {
  temporal = await startTimeSkipping();
});

afterAll(() => temporal.teardown());

/** A workflow that a failed test leaves behind would hold the skipped time still for all others. */
afterEach(async () => {
  const left = await Promise.all(started.splice(0).map((handle) => handle.describe()));
  if (left.every(({ status }) => status.name !== 'RUNNING')) return;
  await temporal.teardown();
  temporal = await startTimeSkipping();
});

const started: MachineHandle[] = [];

interface Play {
  readonly machine: PlayedMachine;
  readonly handle: MachineHandle;
  readonly view: () => Promise<MachineHeartbeatView>;
}

/** Plays a machine whose workflow runs, and deletes it at the end. @returns all events, one list a run */
async function play(overrides: Partial<HeartbeatSchedule>, work: (play: Play) => Promise<void>) {
  const machine = await PlayedMachine.begin(temporal, overrides);
  return temporal.withWorker(machine.activities(), async (taskQueue) => {
    const handle = await machine.start(taskQueue);
    started.push(handle);
    const view = async (): Promise<MachineHeartbeatView> => {
      await temporal.env.sleep(1_000); // the test server never answers a query of a run that is just being rolled
      return handle.query(machineStatusQuery);
    };
    await work({ machine, handle, view });
    await handle.signal(retireMachineSignal);
    await handle.result();
    return eventsOfAllRuns(temporal, handle);
  });
}

describe('#machineHeartbeat', () => {
  it('watches a machine that reports for two days, at one look a threshold and short histories', async () => {
    let looks = 0;
    const runs = await play({ thresholdSeconds: 300 }, async ({ machine, view }) => {
      await temporal.env.sleep(2 * DAY);
      expect(machine.transitions).toEqual([]);
      expect((await view()).words).toMatch(/^up, last report seen \d\d:\d\d:\d\d, looks again /);
      expect(machine.asked).toBeLessThan(2 * 24 * 14);
      looks = machine.asked;
    });
    expect(Math.max(...runs.map((events) => events.length))).toBeLessThan(45);
    expect(looks).toBeGreaterThanOrEqual(2 * 24 * 12);
    expect(runs.flat().length / looks).toBeLessThan(8);
    expect(publishedStatuses(runs.flat())).toEqual([]);
  });

  it('finds a machine that falls silent within seconds of its threshold, and shows that it is back', async () => {
    const runs = await play({ thresholdSeconds: 300 }, async ({ machine, handle, view }) => {
      await temporal.env.sleep(HOUR);
      await machine.fallSilent();
      await temporal.env.sleep(10 * MINUTE);
      const { lastSeenAt } = machine.row;
      const [down] = machine.transitions;
      expect(down?.to).toBe('down');
      expect((down?.at ?? 0) - (lastSeenAt ?? 0)).toBeGreaterThanOrEqual(300_000);
      expect((down?.at ?? 0) - (lastSeenAt ?? 0)).toBeLessThanOrEqual(304_000);
      expect((await view()).words).toMatch(/^down since .*Z, last report .*Z, 5 min of silence allowed$/);
      const asked = machine.asked;
      await temporal.env.sleep(DAY);
      expect(machine.asked).toBe(asked); // a machine that is down costs nothing
      await machine.comeBack();
      await handle.signal(seenSignal, machine.news);
      expect((await view()).state).toMatchObject({ status: 'up', episode: 1 });
      await temporal.env.sleep(DAY);
      expect(machine.transitions).toHaveLength(2);
    });
    expect(publishedStatuses(runs.flat())).toEqual(['DOWN', 'UP']);
  });

  it('finds every silence of many weeks once', async () => {
    const runs = await play({ thresholdSeconds: 3_600 }, async ({ machine, handle }) => {
      for (let week = 0; week < 4; week += 1) {
        await temporal.env.sleep(6 * DAY);
        await machine.fallSilent();
        await temporal.env.sleep(DAY);
        await machine.comeBack();
        await handle.signal(seenSignal, machine.news);
      }
      expect(machine.row.episode).toBe(4);
    });
    expect(publishedStatuses(runs.flat())).toEqual(Array.from({ length: 4 }, () => ['DOWN', 'UP']).flat());
  });

  it('follows a shorter threshold at once, and a longer one', async () => {
    await play({ thresholdSeconds: 3_600 }, async ({ machine, handle, view }) => {
      await temporal.env.sleep(MINUTE);
      const silentSince = await machine.fallSilent();
      machine.configure({ thresholdSeconds: 300 });
      await handle.signal(configureMachineSignal, machine.news);
      await temporal.env.sleep(6 * MINUTE);
      expect((await view()).state.status).toBe('down');
      expect((machine.transitions[0]?.at ?? 0) - silentSince).toBeLessThanOrEqual(305_000);

      await machine.comeBack();
      await handle.signal(seenSignal, machine.news);
      machine.configure({ thresholdSeconds: 7_200 });
      await handle.signal(configureMachineSignal, machine.news);
      await machine.fallSilent();
      await temporal.env.sleep(119 * MINUTE);
      expect((await view()).state.status).toBe('up');
      await temporal.env.sleep(2 * MINUTE);
      expect((await view()).state.status).toBe('down');
    });
  });

  it('learns of a threshold whose message was lost when it asks', async () => {
    await play({ thresholdSeconds: 300 }, async ({ machine, view }) => {
      machine.configure({ thresholdSeconds: 3_600, hostname: 'renamed' });
      await machine.fallSilent();
      await temporal.env.sleep(50 * MINUTE);
      expect(await view()).toMatchObject({ state: { status: 'up' }, schedule: { hostname: 'renamed' } });
      await temporal.env.sleep(11 * MINUTE);
      expect((await view()).state.status).toBe('down');
    });
  });

  it('judges nobody while paused, and counts from when it is resumed', async () => {
    const runs = await play({ thresholdSeconds: 300 }, async ({ machine, handle, view }) => {
      await machine.setActive(false);
      await handle.signal(configureMachineSignal, machine.news);
      expect((await view()).words).toBe('paused');
      await machine.fallSilent();
      const { asked } = machine;
      await temporal.env.sleep(DAY);
      expect(machine.asked).toBe(asked);
      await machine.setActive(true);
      await handle.signal(configureMachineSignal, machine.news);
      expect((await view()).words).toBe('waiting for a report, down after 5 min of silence');
      await temporal.env.sleep(DAY);
      await machine.comeBack();
      await handle.signal(seenSignal, machine.news);
      expect((await view()).state.status).toBe('up');
    });
    expect(publishedStatuses(runs.flat())).toEqual(['PAUSED', 'UNKNOWN', 'DOWN', 'UP']);
  });

  it.each(['ingest', 'postgres'] as const)(
    'judges nobody for our own outage: %s away for an hour',
    async (what) => {
      await play({ thresholdSeconds: 300 }, async ({ machine, view }) => {
        await temporal.env.sleep(HOUR);
        await machine.beginOutage(what);
        const { asked } = machine;
        await temporal.env.sleep(HOUR);
        expect(machine.asked - asked).toBeLessThan(40);
        expect((await view()).words).toMatch(/^up, last report seen .*, cannot be judged now because /);
        await machine.endOutage();
        await temporal.env.sleep(HOUR);
        expect(machine.transitions).toEqual([]);
        expect((await view()).words).not.toContain('cannot be judged');
      });
    },
  );

  it.each(['ingest', 'postgres'] as const)(
    'finds a machine that fell silent during our own outage (%s) soon after it',
    async (what) => {
      await play({ thresholdSeconds: 300 }, async ({ machine }) => {
        await temporal.env.sleep(HOUR);
        await machine.beginOutage(what);
        await machine.fallSilent();
        await temporal.env.sleep(HOUR);
        await machine.endOutage();
        const endedAt = await temporal.now();
        await temporal.env.sleep(HOUR);
        const [down] = machine.transitions;
        expect(down?.to).toBe('down');
        expect((down?.at ?? 0) - endedAt).toBeGreaterThanOrEqual(120_000);
        expect((down?.at ?? 0) - endedAt).toBeLessThanOrEqual(305_000);
      });
    },
  );

  it('ends when it hears from Postgres alone that the machine was deleted', async () => {
    const machine = await PlayedMachine.begin(temporal, { thresholdSeconds: 300 });
    await temporal.withWorker(machine.activities(), async (taskQueue) => {
      const handle = await machine.start(taskQueue);
      machine.isDeleted = true;
      await handle.result();
    });
    expect(machine.asked).toBe(1);
  });

  it('keeps its state across runs, a machine that is down included', async () => {
    const runs = await play({ thresholdSeconds: 300 }, async ({ machine, handle, view }) => {
      await machine.fallSilent();
      await temporal.env.sleep(HOUR);
      const before = await view();
      // Messages that change nothing make the history long.
      await until(async () => {
        await handle.signal(seenSignal, machine.news);
        return (await handle.describe()).runId !== handle.firstExecutionRunId;
      });
      expect(await view()).toEqual(before);
    });
    expect(runs.length).toBeGreaterThan(1);
  });
});
