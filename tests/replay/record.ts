/**
 * Writes the histories that `replay.test.ts` holds the workflows to: run it (`make record-histories`) when a
 * workflow changes before it is released. Afterwards histories only ever get added, and changes go behind
 * `patched()`.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { ApplicationFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { WorkflowHandle } from '@temporalio/client';
import type { Activities } from '../../src/activities/contracts.ts';
import { INITIAL_STATE } from '../../src/domain/targetState.ts';
import type { httpTarget, reconcile, selfTest } from '../../src/workflows/index.ts';
import {
  checkNowUpdate,
  configureSignal,
  pauseSignal,
  resumeSignal,
  retireSignal,
  touchSignal,
} from '../../src/workflows/messages.ts';
import {
  buildFailure,
  buildResult,
  buildSchedule,
  recordedAnswer,
  unrecordedAnswer,
} from '../support/buildCheck.ts';
import { startTimeSkipping, type TimeSkipping } from '../support/timeSkipping.ts';

const HISTORIES = new URL('histories/', import.meta.url);
const TARGET_ID = '6f1d0000-0000-4000-8000-000000000001';

const temporal = await startTimeSkipping();
try {
  await mkdir(HISTORIES, { recursive: true });
  await record('http-target-up-down-up', healthAndSickness());
  await record('http-target-messages', messages());
  await record('http-target-postgres-away', postgresAway());
  await record('http-target-lost-message', lostMessage());
  await record('reconcile', reconciled());
  await record('self-test', selfTested());
} finally {
  await temporal.teardown();
}

interface Scenario {
  readonly activities: Partial<Activities>;
  readonly play: (taskQueue: string, temporal: TimeSkipping) => Promise<WorkflowHandle>;
}

async function record(name: string, scenario: Scenario): Promise<void> {
  const history = await temporal.withWorker(scenario.activities, async (taskQueue) => {
    const handle = await scenario.play(taskQueue, temporal);
    return handle.fetchHistory();
  });
  // Who recorded it, and where, is nobody's business.
  const json = historyToJSON(history)
    .replaceAll(/"identity": "[^"]*"/g, '"identity": "recorder"')
    .replaceAll(/"stackTrace": "[^"]*"/g, '"stackTrace": ""');
  await writeFile(new URL(`${name}.json`, HISTORIES), `${json}\n`);
  process.stdout.write(`${name}: ${history.events?.length ?? 0} events\n`);
}

function startTarget(taskQueue: string) {
  return temporal.env.client.workflow.start<typeof httpTarget>('httpTarget', {
    workflowId: `http-target/${crypto.randomUUID()}`,
    taskQueue,
    args: [
      {
        targetId: TARGET_ID,
        clientId: TARGET_ID,
        installationId: TARGET_ID,
        schedule: buildSchedule(),
        state: INITIAL_STATE,
      },
    ],
  });
}

/** Watches for an hour, then deletes the target. */
async function anHour(taskQueue: string, { env }: TimeSkipping): Promise<WorkflowHandle> {
  const handle = await startTarget(taskQueue);
  await env.sleep('1 hour');
  await handle.signal(retireSignal);
  await handle.result();
  return handle;
}

function healthAndSickness(): Scenario {
  let checks = 0;
  return {
    activities: {
      checkTarget: (input) => {
        checks += 1;
        const build = checks >= 4 && checks <= 8 ? buildFailure : buildResult;
        return Promise.resolve(recordedAnswer(input, build({ scheduledAt: input.slot, kind: input.kind })));
      },
    },
    play: anHour,
  };
}

function messages(): Scenario {
  return {
    activities: {
      checkTarget: (input) =>
        Promise.resolve(recordedAnswer(input, buildResult({ scheduledAt: input.slot, kind: input.kind }), 3)),
    },
    play: async (taskQueue, { env }) => {
      const handle = await startTarget(taskQueue);
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

function postgresAway(): Scenario {
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
    play: anHour,
  };
}

function lostMessage(): Scenario {
  return {
    activities: {
      checkTarget: ({ schedule }) =>
        Promise.resolve(schedule.version === 1 ? { kind: 'superseded', version: 2 } : { kind: 'deleted' }),
      loadSchedule: () => Promise.resolve(buildSchedule({ version: 2 })),
    },
    play: async (taskQueue) => {
      const handle = await startTarget(taskQueue);
      await handle.result();
      return handle;
    },
  };
}

function reconciled(): Scenario {
  return {
    activities: {
      ensurePartitions: () => Promise.resolve(),
      reconcileTargets: () =>
        Promise.resolve({ targets: 3, started: 1, configured: 1, retired: 1, failed: 0, refused: 0 }),
    },
    play: async (taskQueue, { env }) => {
      const handle = await env.client.workflow.start<typeof reconcile>('reconcile', {
        workflowId: `reconcile-${crypto.randomUUID()}`,
        taskQueue,
        args: [{ force: false }],
      });
      await handle.result();
      return handle;
    },
  };
}

function selfTested(): Scenario {
  return {
    activities: { ensurePartitions: () => Promise.resolve() },
    play: async (taskQueue, { env }) => {
      const handle = await env.client.workflow.start<typeof selfTest>('selfTest', {
        workflowId: `self-test-${crypto.randomUUID()}`,
        taskQueue,
        args: [],
      });
      for (let touches = 0; touches < 3; touches += 1) await handle.signal(touchSignal);
      await env.sleep('1 second');
      return handle;
    },
  };
}
