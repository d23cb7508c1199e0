import type { evaluation, reconcile, retention, rollups, selfTest } from '../../src/workflows/index.ts';
import { touchSignal } from '../../src/workflows/messages.ts';
import type { Scenario } from './scenario.ts';

export function reconciled(): Scenario {
  return {
    activities: {
      ensurePartitions: () => Promise.resolve(),
      reconcileTargets: () =>
        Promise.resolve({
          targets: 3,
          started: 1,
          configured: 1,
          retired: 1,
          watchesLost: 0,
          failed: 0,
          refused: 0,
        }),
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

export function selfTested(): Scenario {
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

export function rolledUp(): Scenario {
  const report = { hours: 2, rows: 3, lateHours: 1, completeUntil: Date.UTC(2026, 0, 1, 12) };
  return {
    activities: {
      rollUpChecks: () => Promise.resolve(report),
      rollUpSamples: () => Promise.resolve(report),
    },
    play: async (taskQueue, { env }) => {
      const handle = await env.client.workflow.start<typeof rollups>('rollups', {
        workflowId: `rollups-${crypto.randomUUID()}`,
        taskQueue,
        args: [],
      });
      await handle.result();
      return handle;
    },
  };
}

/** One shard fails for good. */
export function evaluated(): Scenario {
  const shards = ['a', 'b', 'c'].map((clientId) => ({ clientIds: [clientId], metrics: 1_000 }));
  return {
    activities: {
      listEvaluationShards: () => Promise.resolve(shards),
      evaluateShard: ({ clientIds, metrics }) =>
        clientIds.includes('b')
          ? Promise.reject(new Error('broken'))
          : Promise.resolve({ metrics, breached: 2, recovered: 1, stale: 0, failed: 0 }),
    },
    play: async (taskQueue, { env }) => {
      const handle = await env.client.workflow.start<typeof evaluation>('evaluation', {
        workflowId: `evaluation-${crypto.randomUUID()}`,
        taskQueue,
        args: [],
      });
      await handle.result();
      return handle;
    },
  };
}

/** A backup holds a table at first. */
export function retained(): Scenario {
  let tries = 0;
  return {
    activities: {
      dropExpired: () => {
        tries += 1;
        return Promise.resolve({
          ...{ dropped: 1, unrolled: 0, busy: tries === 1 ? 1 : 0 },
          ...{ forgottenIngests: 0, forgottenMachines: 0, forgottenMetrics: 0, forgottenTransitions: 0 },
          forgottenIncidents: 0,
        });
      },
      reindexYesterday: () => Promise.resolve({ reindexed: ['checks_20260101'], refusal: null }),
    },
    play: async (taskQueue, { env }) => {
      const handle = await env.client.workflow.start<typeof retention>('retention', {
        workflowId: `retention-${crypto.randomUUID()}`,
        taskQueue,
        args: [],
      });
      await handle.result();
      return handle;
    },
  };
}
