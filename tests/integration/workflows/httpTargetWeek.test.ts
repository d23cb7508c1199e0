import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { retireSignal, statusQuery } from '../../../src/workflows/messages.ts';
import { buildSchedule } from '../../support/buildCheck.ts';
import { startTimeSkipping, type TimeSkipping } from '../../support/timeSkipping.ts';
import { eventsOfAllRuns } from '../../support/workflowHistory.ts';
import { Rows, startHttpTarget, watching } from '../../support/workflowRows.ts';

// Some 2,000 checks: half a minute on a quiet machine, more beside a whole stack of another test.
jest.setTimeout(600_000);

const WEEK = 7 * 24 * 3_600_000;
let temporal: TimeSkipping;

beforeAll(async () => {
  temporal = await startTimeSkipping();
});

afterAll(() => temporal.teardown());

describe('#httpTarget', () => {
  it('checks a target for a week at the default interval, each slot once, on cadence, at hardly any events', async () => {
    const rows = new Rows();
    let events = 0;
    await temporal.withWorker(watching(temporal, rows), async (taskQueue) => {
      const handle = await startHttpTarget(temporal, taskQueue, buildSchedule());
      await temporal.env.sleep(WEEK);
      const view = await handle.query(statusQuery);
      expect(view.state.status).toBe('up');
      expect(view.words).toMatch(/^up, 200 in 34 ms, watched until \d\d:\d\d:\d\d$/);
      await handle.signal(retireSignal);
      await handle.result();
      events = (await eventsOfAllRuns(temporal, handle)).flat().length;
    });
    const [first, ...regular] = rows.slots;
    expect(first).toBeDefined();
    expect(regular).toHaveLength(7 * 24 * 12);
    expect(new Set(regular.slice(1).map((slot, index) => slot - (regular[index] ?? 0)))).toEqual(
      new Set([300_000]),
    );
    expect(rows.doubled).toBe(0);
    expect(events / rows.slots.length).toBeLessThanOrEqual(0.1);
  });
});
