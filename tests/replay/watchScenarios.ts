import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../../src/activities/contracts.ts';
import { nothingSeen } from '../../src/activities/watch/handBack.ts';
import type { WatchedTarget } from '../../src/domain/watching.ts';
import {
  checkNowUpdate,
  configureSignal,
  retireSignal,
  watchLostSignal,
} from '../../src/workflows/messages.ts';
import { buildSchedule } from '../support/buildCheck.ts';
import type { TimeSkipping } from '../support/timeSkipping.ts';
import { failed, passed, passing, Rows, watching } from '../support/workflowRows.ts';
import { forHours, startTarget, type Scenario } from './scenario.ts';

/** A watch whose window ends, one that ends with a failure, one of a target that is down until it recovers. */
export function watched(temporal: TimeSkipping): Scenario {
  const rows = new Rows();
  return {
    activities: watching(temporal, rows, (check) =>
      rows.slots.length >= 160 && rows.slots.length < 172 ? failed(check) : passed(check),
    ),
    play: forHours(16),
  };
}

/** Messages reach a workflow whose target is being watched. */
export function watchedWithMessages(temporal: TimeSkipping): Scenario {
  return {
    activities: watching(temporal, new Rows()),
    play: async (taskQueue, { env }) => {
      const handle = await startTarget(taskQueue, temporal);
      await env.sleep('30 minutes');
      await handle.executeUpdate(checkNowUpdate);
      await env.sleep('30 minutes');
      await handle.signal(configureSignal, buildSchedule({ version: 2, intervalSeconds: 120 }));
      await env.sleep('30 minutes');
      await handle.signal(watchLostSignal);
      await env.sleep('30 minutes');
      await handle.signal(retireSignal);
      await handle.result();
      return handle;
    },
  };
}

/** Watches that end in all the other ways, one after the other. */
export function watchesThatEnd(): Scenario {
  const answers = [
    (): WatchedTarget => nothingSeen('notStarted'),
    ({ state, firstSlot }): WatchedTarget => ({
      ...nothingSeen('postgresAway'),
      state,
      unrecorded: [
        { result: passed({ targetId: '', slot: firstSlot, kind: 'scheduled' }), isTransition: false },
      ],
    }),
    (): WatchedTarget => {
      throw ApplicationFailure.nonRetryable('no such worker');
    },
    (): WatchedTarget => ({ ...nothingSeen('superseded'), schedule: buildSchedule({ version: 2 }) }),
    (): WatchedTarget => nothingSeen('stopping'),
    (): WatchedTarget => nothingSeen('deleted'),
  ] satisfies ((input: Parameters<Activities['watchTarget']>[0]) => WatchedTarget)[];
  return {
    activities: {
      ...passing(new Rows()),
      recordChecks: () => Promise.resolve(),
      watchTarget: (input) =>
        new Promise((resolve) => {
          const answer = answers.shift();
          resolve(answer === undefined ? nothingSeen('deleted') : answer(input));
        }),
    },
    play: async (taskQueue, temporal) => {
      const handle = await startTarget(taskQueue, temporal);
      await handle.result();
      return handle;
    },
  };
}
