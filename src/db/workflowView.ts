import type { TargetSchedule } from '../domain/schedule.ts';
import type { TargetState } from '../domain/targetState.ts';
import type { Target } from './repositories/httpTargetRow.ts';
import type { WatchedTarget } from './repositories/watchedTargets.ts';

/** What the workflow of a target may know: an explicit list, so that no secret ever slips into a history. */
export function scheduleOf({ target, failureThreshold }: WatchedTarget): TargetSchedule {
  return {
    version: target.version,
    name: target.name,
    isActive: target.isActive,
    intervalSeconds: target.checkIntervalSeconds,
    timeoutSeconds: target.timeoutSeconds,
    retryIntervalSeconds: target.retryIntervalSeconds,
    failureThreshold,
    recoveryThreshold: target.recoveryThreshold,
  };
}

/** What the database knows of a target, for a workflow that has to be started anew. */
export function stateOf(target: Target): TargetState {
  const { lastScheduledAt, lastCheckAt } = target;
  return {
    status: target.status,
    consecutiveFailures: target.consecutiveFailures,
    consecutivePasses: target.consecutivePasses,
    episode: target.episode,
    lastCheck:
      lastScheduledAt === null || lastCheckAt === null
        ? null
        : {
            scheduledAt: lastScheduledAt.getTime(),
            startedAt: lastCheckAt.getTime(),
            failureClass: target.lastFailureClass,
            errorMessage: target.lastErrorMessage,
            statusCode: target.lastStatusCode,
            totalMs: target.lastResponseTimeMs ?? 0,
          },
    lastStateChangeAt: target.lastStateChangeAt?.getTime() ?? null,
    certificateExpiresAt: target.certificateExpiresAt?.getTime() ?? null,
  };
}
