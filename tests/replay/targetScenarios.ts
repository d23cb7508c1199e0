import { ApplicationFailure } from '@temporalio/common';
import {
  checkNowUpdate,
  configureSignal,
  pauseSignal,
  resumeSignal,
  retireSignal,
} from '../../src/workflows/messages.ts';
import {
  buildFailure,
  buildResult,
  buildSchedule,
  recordedAnswer,
  unrecordedAnswer,
} from '../support/buildCheck.ts';
import { forHours, startTarget, type Scenario } from './scenario.ts';

export function healthAndSickness(): Scenario {
  let checks = 0;
  return {
    activities: {
      checkTarget: (input) => {
        checks += 1;
        const build = checks >= 4 && checks <= 8 ? buildFailure : buildResult;
        return Promise.resolve(recordedAnswer(input, build({ scheduledAt: input.slot, kind: input.kind })));
      },
    },
    play: forHours(1),
  };
}

export function messages(): Scenario {
  return {
    activities: {
      checkTarget: (input) =>
        Promise.resolve(recordedAnswer(input, buildResult({ scheduledAt: input.slot, kind: input.kind }), 3)),
    },
    play: async (taskQueue, temporal) => {
      const { env } = temporal;
      const handle = await startTarget(taskQueue, temporal);
      await env.sleep('5 minutes');
      await handle.executeUpdate(checkNowUpdate);
      await handle.signal(pauseSignal, { version: 2 });
      await env.sleep('5 minutes');
      await handle.signal(resumeSignal, { version: 3 });
      await env.sleep('5 minutes');
      await handle.signal(
        configureSignal,
        buildSchedule({ version: 4, intervalSeconds: 60, name: 'renamed' }),
      );
      await env.sleep('5 minutes');
      await handle.signal(retireSignal);
      await handle.result();
      return handle;
    },
  };
}

export function postgresAway(): Scenario {
  let checks = 0;
  let writes = 0;
  return {
    activities: {
      checkTarget: (input) => {
        checks += 1;
        const result = buildResult({ scheduledAt: input.slot, kind: input.kind });
        return Promise.resolve(checks > 8 ? recordedAnswer(input, result) : unrecordedAnswer(result));
      },
      recordChecks: () => {
        writes += 1;
        return writes < 3
          ? Promise.reject(ApplicationFailure.retryable('connection refused'))
          : Promise.resolve();
      },
    },
    play: forHours(1),
  };
}

export function lostMessage(): Scenario {
  return {
    activities: {
      checkTarget: ({ schedule }) =>
        Promise.resolve(schedule.version === 1 ? { kind: 'superseded', version: 2 } : { kind: 'deleted' }),
      loadSchedule: () => Promise.resolve(buildSchedule({ version: 2 })),
    },
    play: async (taskQueue, temporal) => {
      const handle = await startTarget(taskQueue, temporal);
      await handle.result();
      return handle;
    },
  };
}
