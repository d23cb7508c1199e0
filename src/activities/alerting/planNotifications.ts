import type { ClientPlanRepository } from '../../db/repositories/alerting/clientPlan.ts';
import type { Clock } from '../../domain/clock.ts';
import { beating, PROMPT_HEARTBEAT_MS } from '../beating.ts';
import type { ClientPlan, NotificationActivities } from './contracts.ts';

export interface PlanNotificationsDeps {
  readonly plans: Pick<ClientPlanRepository, 'plan'>;
  readonly clock: Clock;
}

/** What the workflow of a client runs. */
export function createNotificationActivities(deps: PlanNotificationsDeps): NotificationActivities {
  return {
    planNotifications: (clientId) => beating(() => planNotifications(deps, clientId), PROMPT_HEARTBEAT_MS),
  };
}

/** Says in how long to look again: the clock of the workflow may be another one. */
export async function planNotifications(
  { plans, clock }: PlanNotificationsDeps,
  clientId: string,
): Promise<ClientPlan> {
  const now = clock.now();
  const { nextAt, ...plan } = await plans.plan(clientId, now);
  return { ...plan, nextInMs: nextAt === null ? null : Math.max(0, Math.ceil(nextAt - now)) };
}
