import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Dropped, RetentionReport } from '../../../src/activities/contracts.ts';
import type { retention } from '../../../src/workflows/index.ts';
import { startTimeSkipping, type TimeSkipping } from '../../support/timeSkipping.ts';

jest.setTimeout(120_000);

let temporal: TimeSkipping;
beforeAll(async () => {
  temporal = await startTimeSkipping();
});
afterAll(() => temporal.teardown());

const forgotten = (each: number) => ({
  ...{ forgottenIngests: each, forgottenMachines: each, forgottenMetrics: each, forgottenTransitions: each },
  forgottenIncidents: each,
});

/** Runs retention with what each try to drop comes to. @returns its report and how often it tried */
async function retain(tries: readonly Dropped[]): Promise<{ report: RetentionReport; tried: number }> {
  let tried = 0;
  const dropExpired = () => {
    const answer = tries[Math.min(tried, tries.length - 1)];
    tried += 1;
    return answer === undefined ? Promise.reject(new Error('no such try')) : Promise.resolve(answer);
  };
  const reindexYesterday = () => Promise.resolve({ reindexed: ['checks_20260101'], refusal: null });
  const report = await temporal.withWorker({ dropExpired, reindexYesterday }, (taskQueue) =>
    temporal.env.client.workflow.execute<typeof retention>('retention', {
      workflowId: `retention-${crypto.randomUUID()}`,
      taskQueue,
      args: [],
    }),
  );
  return { report, tried };
}

describe('#retention', () => {
  it('tries again a minute later where a table was in use', async () => {
    const { report, tried } = await retain([
      { ...{ dropped: 1, unrolled: 0, busy: 2 }, ...forgotten(7) },
      { ...{ dropped: 1, unrolled: 0, busy: 1 }, ...forgotten(0) },
      { ...{ dropped: 1, unrolled: 0, busy: 0 }, ...forgotten(1) },
    ]);
    expect(tried).toBe(3);
    expect(report).toEqual({
      dropped: 3,
      unrolled: 0,
      busy: 0,
      ...forgotten(8),
      reindexed: ['checks_20260101'],
      refusal: null,
    });
  });

  it('leaves it for the next night where a backup holds it for longer, and reindexes all the same', async () => {
    const { report, tried } = await retain([{ ...{ dropped: 0, unrolled: 1, busy: 2 }, ...forgotten(0) }]);
    expect(tried).toBe(5);
    expect(report).toMatchObject({ dropped: 0, busy: 2, reindexed: ['checks_20260101'] });
  });
});
