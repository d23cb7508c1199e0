import { CheckNowRefusedError, type HttpTargetWorkflows } from '../../temporal/httpTargetWorkflows.ts';
import type { Target } from '../../src/db/repositories/httpTargetRow.ts';
import type { WatchedTarget } from '../../src/db/repositories/watchedTargets.ts';
import type { TemporalReadiness } from '../../src/api/health/readiness.ts';
import type { CheckNowAnswer } from '../../src/workflows/messages.ts';

/** Stands for Temporal: remembers what it was told, and answers as the test wants. */
export class TargetWorkflowsDouble implements HttpTargetWorkflows {
  readonly started: WatchedTarget[] = [];
  readonly changed: { before: Target; after: WatchedTarget }[] = [];
  readonly retired: string[] = [];
  readonly checked: { targetId: string; requestId: string }[] = [];
  /** What the next check now finds, or why there is none. */
  checkNowAnswer: CheckNowAnswer | Error = new CheckNowRefusedError('no_worker', 'No worker answered.');
  /** False: every change is left to reconcile. */
  isThere = true;

  start(watched: WatchedTarget): Promise<boolean> {
    this.started.push(watched);
    return Promise.resolve(this.isThere);
  }

  change(before: Target, after: WatchedTarget): Promise<boolean> {
    this.changed.push({ before, after });
    return Promise.resolve(this.isThere);
  }

  retire(targetId: string): Promise<boolean> {
    this.retired.push(targetId);
    return Promise.resolve(this.isThere);
  }

  checkNow({ target }: WatchedTarget, requestId: string): Promise<CheckNowAnswer> {
    this.checked.push({ targetId: target.id, requestId });
    const answer = this.checkNowAnswer;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }
}

/** Up until the test says otherwise; an error is why it is down, a promise what it waits for. */
export class TemporalReadinessDouble implements TemporalReadiness {
  temporal: Error | Promise<void> | null = null;
  worker: Error | Promise<void> | null = null;
  asked = 0;

  checkTemporal(): Promise<void> {
    this.asked += 1;
    return settled(this.temporal);
  }

  checkWorker(): Promise<void> {
    return settled(this.worker);
  }
}

function settled(state: Error | Promise<void> | null): Promise<void> {
  return state instanceof Error ? Promise.reject(state) : (state ?? Promise.resolve());
}
