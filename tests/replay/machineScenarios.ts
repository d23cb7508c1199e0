import type { HeartbeatJudgement } from '../../src/domain/heartbeat.ts';
import type { heartbeatSweep, machineHeartbeat } from '../../src/workflows/index.ts';
import {
  configureMachineSignal,
  retireMachineSignal,
  seenSignal,
} from '../../src/workflows/machineMessages.ts';
import { buildHeartbeatSchedule, buildHeartbeatState, knownJudgement } from '../support/buildMachine.ts';
import type { TimeSkipping } from '../support/timeSkipping.ts';
import type { Scenario } from './scenario.ts';

const MACHINE_ID = '6f1d0000-0000-4000-8000-000000000002';
const AT = Date.UTC(2026, 0, 1);
const schedule = buildHeartbeatSchedule();
const up = buildHeartbeatState({ lastSeenAt: AT, lastStateChangeAt: AT });

async function startMachine(taskQueue: string, { env }: TimeSkipping) {
  const now = await env.currentTimeMs();
  return env.client.workflow.start<typeof machineHeartbeat>('machineHeartbeat', {
    workflowId: `machine-heartbeat/${crypto.randomUUID()}`,
    taskQueue,
    args: [
      {
        ...{ machineId: MACHINE_ID, clientId: MACHINE_ID, installationId: MACHINE_ID },
        ...{ schedule, state: { ...up, lastSeenAt: now, lastStateChangeAt: now } },
      },
    ],
  });
}

/** Looks, one after the other; the last one is repeated. */
function answering(judgements: readonly HeartbeatJudgement[]): Scenario['activities'] {
  let asked = 0;
  return {
    judgeHeartbeat: () => {
      const judgement = judgements[Math.min(asked, judgements.length - 1)];
      asked += 1;
      return judgement === undefined
        ? Promise.reject(new Error('nothing to answer'))
        : Promise.resolve(judgement);
    },
  };
}

/** Silence is found, and the machine is back. */
export function machineSilent(): Scenario {
  const down = buildHeartbeatState({ ...up, status: 'down', episode: 1, lastStateChangeAt: AT + 1 });
  return {
    activities: answering([
      knownJudgement(schedule, down, -1_000),
      knownJudgement(schedule, { ...down, status: 'up', lastStateChangeAt: AT + 2 }, 300_000),
    ]),
    play: async (taskQueue, temporal) => {
      const handle = await startMachine(taskQueue, temporal);
      await temporal.env.sleep('10 minutes');
      const state = buildHeartbeatState({ ...down, status: 'up', lastStateChangeAt: await temporal.now() });
      await handle.signal(seenSignal, { schedule, state });
      await temporal.env.sleep('1 minute');
      await handle.signal(retireMachineSignal);
      await handle.result();
      return handle;
    },
  };
}

/** The machine is renamed and paused, and deleted. */
export function machineMessages(): Scenario {
  return {
    activities: answering([knownJudgement(schedule, up, 300_000)]),
    play: async (taskQueue, temporal) => {
      const handle = await startMachine(taskQueue, temporal);
      await temporal.env.sleep('1 minute');
      await handle.signal(configureMachineSignal, {
        schedule: buildHeartbeatSchedule({ version: 2, isActive: false, hostname: 'web-2' }),
        state: { ...up, status: 'paused' },
      });
      await temporal.env.sleep('1 minute');
      await handle.signal(retireMachineSignal);
      await handle.result();
      return handle;
    },
  };
}

/** Postgres and ingest are away for a while; then the run is long enough to be rolled. */
export function machineOutages(): Scenario {
  return {
    activities: answering([
      { kind: 'unavailable' },
      { kind: 'unavailable' },
      { kind: 'ingestAway' },
      knownJudgement(schedule, up, 250_000),
    ]),
    play: async (taskQueue, temporal) => {
      const handle = await startMachine(taskQueue, temporal);
      await temporal.env.sleep('1 hour');
      await handle.signal(retireMachineSignal);
      await handle.result();
      return handle;
    },
  };
}

/** The run after the first one, with what was carried over. */
export function machineCarried(): Scenario {
  const { activities, play } = machineOutages();
  return {
    activities,
    play: async (taskQueue, temporal) => {
      const handle = await play(taskQueue, temporal);
      const { workflowId, firstExecutionRunId } = handle;
      const first = await temporal.env.client.workflow
        .getHandle(workflowId, firstExecutionRunId)
        .fetchHistory();
      const rolled = first.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes;
      return { ...handle, firstExecutionRunId: rolled?.newExecutionRunId ?? '' };
    },
  };
}

export function machineDeleted(): Scenario {
  return {
    activities: answering([{ kind: 'deleted' }]),
    play: async (taskQueue, temporal) => {
      const handle = await startMachine(taskQueue, temporal);
      await handle.result();
      return handle;
    },
  };
}

export function heartbeatsSwept(): Scenario {
  const report = {
    ...{ machines: 3, silent: 1, started: 1, configured: 1, retired: 0, failed: 1, refused: 1 },
  };
  return {
    activities: { sweepHeartbeats: () => Promise.resolve(report) },
    play: async (taskQueue, { env }) => {
      const handle = await env.client.workflow.start<typeof heartbeatSweep>('heartbeatSweep', {
        workflowId: `heartbeat-sweep-${crypto.randomUUID()}`,
        taskQueue,
        args: [{ force: false }],
      });
      await handle.result();
      return handle;
    },
  };
}
