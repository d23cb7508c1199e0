import { ApplicationFailure } from '@temporalio/common';
import type { ClientPlan } from '../../src/activities/alerting/contracts.ts';
import type { PlannedDelivery } from '../../src/domain/deliveryQueue.ts';
import type { alertSweep, notifications } from '../../src/workflows/index.ts';
import { newsSignal } from '../../src/workflows/notificationMessages.ts';
import type { Scenario } from './scenario.ts';

const CLIENT_ID = '6f1d0000-0000-4000-8000-000000000002';

const QUIET: ClientPlan = {
  ...{ deliveries: [], hasMore: false, nextInMs: null },
  ...{ openIncidents: 0, openAlerts: 0, pendingNotifications: 0, lastError: null },
};

function delivery(number: number, channelKey = 'settings:slack'): PlannedDelivery {
  const incidentId = `6f1d0000-0000-4000-8000-00000000001${number}`;
  const notificationId = `6f1d0000-0000-4000-8000-00000000002${number}`;
  return { notificationId, channelKey, incidentId, words: `slack: opened #${number}` };
}

/** Fault, group wait, five messages of which one is refused twice, the end; and a day in which nothing happens. */
export function toldAndRetried(): Scenario {
  const deliveries = [1, 2, 3, 4, 5].map((number) => delivery(number));
  const open = { openIncidents: 5, openAlerts: 7 };
  const plans: readonly ClientPlan[] = [
    QUIET,
    { ...QUIET, ...open, nextInMs: 30_000 },
    { ...QUIET, ...open, deliveries, pendingNotifications: 5, hasMore: true },
    { ...QUIET, ...open, pendingNotifications: 0 },
  ];
  let looks = 0;
  let tries = 0;
  return {
    activities: {
      planNotifications: () => Promise.resolve(plans[Math.min(looks++, plans.length - 1)] ?? QUIET),
      deliverNotification: (id) => {
        if (id.endsWith('3') && (tries += 1) < 3) {
          throw ApplicationFailure.create({
            type: 'NotDelivered',
            message: 'HTTP 503',
            nextRetryDelay: '5s',
          });
        }
        return Promise.resolve({ status: 'success' });
      },
    },
    play: async (taskQueue, { env }) => {
      const handle = await env.client.workflow.start<typeof notifications>('notifications', {
        workflowId: `notifications/${crypto.randomUUID()}`,
        taskQueue,
        args: [{ clientId: CLIENT_ID, deliveryTaskQueue: taskQueue }],
      });
      await env.sleep('1 minute');
      await handle.signal(newsSignal);
      await env.sleep('2 minutes');
      await handle.signal(newsSignal);
      await env.sleep('25 hours');
      await handle.signal(newsSignal);
      await env.sleep('1 second');
      await env.client.workflow.getHandle(handle.workflowId).terminate('recorded');
      return handle;
    },
  };
}

export function alertsSwept(): Scenario {
  return {
    activities: { sweepAlerts: () => Promise.resolve({ opened: 1, changed: 0, resolved: 2, started: 1 }) },
    play: async (taskQueue, { env }) => {
      const handle = await env.client.workflow.start<typeof alertSweep>('alertSweep', {
        workflowId: `alert-sweep-${crypto.randomUUID()}`,
        taskQueue,
        args: [],
      });
      await handle.result();
      return handle;
    },
  };
}
