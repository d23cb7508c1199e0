import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { DEV_CLIENT_ID } from '../../../src/db/seeders/devAccess.ts';
import type { notifications } from '../../../src/workflows/index.ts';
import { retireSignal } from '../../../src/workflows/messages.ts';
import { newsSignal, notificationsQuery } from '../../../src/workflows/notificationMessages.ts';
import { buildSchedule } from '../../support/buildCheck.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';
import { startTimeSkipping, type TimeSkipping } from '../../support/timeSkipping.ts';
import { ToldClient } from '../../support/toldClient.ts';
import { until } from '../../support/until.ts';
import { eventsOfAllRuns } from '../../support/workflowHistory.ts';
import { Rows, startHttpTarget, watching } from '../../support/workflowRows.ts';

jest.setTimeout(300_000);

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];
let temporal: TimeSkipping;
let db: TargetDatabase;
let client: ToldClient;

beforeAll(async () => {
  temporal = await startTimeSkipping();
});
afterAll(() => temporal.teardown());
beforeEach(async () => {
  db = await openTargetDatabase();
  client = new ToldClient(db, temporal);
});
afterEach(() => db.close());

type Handle = WorkflowHandleWithFirstExecutionRunId<typeof notifications>;

/** Runs the workflow of the dev client, whose people have one mail address. */
async function play(work: (handle: Handle, taskQueue: string) => Promise<void>, more = {}): Promise<Handle> {
  return temporal.withWorker({ ...client.activities(), ...more }, async (taskQueue) => {
    const handle = await temporal.env.client.workflow.start<typeof notifications>('notifications', {
      workflowId: `notifications/${crypto.randomUUID()}`,
      taskQueue,
      args: [{ clientId: DEV_CLIENT_ID, deliveryTaskQueue: taskQueue }],
    });
    try {
      await work(handle, taskQueue);
    } finally {
      // Not the handle of the first run: there may be others by now.
      await temporal.env.client.workflow.getHandle(handle.workflowId).terminate('the test is over');
    }
    return handle;
  });
}

describe('#notifications', () => {
  it('tells of a fault after the group wait, and of its end at once', async () => {
    const target = await db.create({ name: 'shop' });
    await play(async (handle) => {
      await temporal.env.sleep(SECOND);
      await client.turn(target, 'down');
      await handle.signal(newsSignal);
      await temporal.env.sleep(20 * SECOND);
      expect(client.heard).toEqual([]);
      expect((await handle.query(notificationsQuery)).words).toBe(
        '1 incident is open (1 alert); everybody has been told',
      );
      await temporal.env.sleep(15 * SECOND);
      expect(client.heard.map(({ message }) => message.headline)).toEqual([
        'shop is down: Connection refused by shop:443',
      ]);
      await temporal.env.sleep(10 * MINUTE);
      await client.turn(target, 'up');
      await handle.signal(newsSignal);
      await temporal.env.sleep(2 * SECOND);
      expect(client.heard.map(({ message }) => message.kind)).toEqual(['opened', 'resolved']);
      await temporal.env.sleep(24 * HOUR);
      expect(client.heard).toHaveLength(2);
    });
  });

  it('delivers when a channel is back that was down for an hour, and checks go on in time', async () => {
    const target = await db.create({ name: 'shop' });
    const rows = new Rows();
    let isDown = true;
    client.answer = () =>
      isDown
        ? { kind: 'failed', error: 'https://hooks.example answered 503', answer: null, retryAfterMs: null }
        : { kind: 'sent', answer: 'HTTP 200' };
    await play(
      async (handle, taskQueue) => {
        const checked = await startHttpTarget(temporal, taskQueue, buildSchedule({ intervalSeconds: 60 }));
        await client.turn(target, 'down');
        await handle.signal(newsSignal);
        await temporal.env.sleep(HOUR);
        expect(client.heard).toEqual([]);
        const [waiting] = await client.ledger();
        expect(waiting).toMatchObject({
          event: 'opened',
          status: 'pending',
          error_message: 'https://hooks.example answered 503',
        });
        expect(waiting?.attempts).toBeGreaterThan(10);
        isDown = false;
        const backAt = await temporal.now();
        await temporal.env.sleep(6 * MINUTE);
        expect(client.heard.map(({ message }) => message.kind)).toEqual(['opened']);
        expect((client.heard[0]?.at ?? 0) - backAt).toBeLessThanOrEqual(5 * MINUTE + 10 * SECOND);
        expect(await client.ledger()).toEqual([
          { event: 'opened', status: 'success', attempts: (waiting?.attempts ?? 0) + 1, error_message: null },
        ]);
        await checked.signal(retireSignal);
        // Whoever waits for a result lets time skip on, to where the workflow of the client runs out of it.
        await until(
          async () => {
            await temporal.env.sleep(SECOND);
            return (await checked.describe()).status.name === 'COMPLETED';
          },
          { what: 'the end of the checks' },
        );
      },
      watching(temporal, rows),
    );
    const gaps = rows.slots.slice(2).map((slot, index) => slot - (rows.slots[index + 1] ?? 0));
    expect(rows.slots.length).toBeGreaterThan(60);
    expect(new Set(gaps)).toEqual(new Set([60_000]));
  });

  it('gives a message up after a day, and goes on with the others', async () => {
    const target = await db.create({ name: 'shop' });
    client.answer = () => ({ kind: 'failed', error: 'no route', answer: null, retryAfterMs: null });
    const handle = await play(async (workflow) => {
      await client.turn(target, 'down');
      await workflow.signal(newsSignal);
      await temporal.env.sleep(25 * HOUR);
      const [given] = await client.ledger();
      expect(given).toMatchObject({ status: 'failed' });
      expect(given?.error_message).toMatch(/^Given up after \d+ attempts: no route$/);
    });
    // Retries of an activity leave no events.
    expect((await eventsOfAllRuns(temporal, handle)).flat().length).toBeLessThan(60);
  });
});
