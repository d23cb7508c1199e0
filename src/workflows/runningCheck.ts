import {
  ActivityCancellationType,
  CancellationScope,
  isCancellation,
  log,
  proxyActivities,
  Trigger,
} from '@temporalio/workflow';
import type { Activities, CheckTargetAnswer, CheckTargetInput } from '../activities/contracts.ts';

/** On top of the target's own timeout: loading, recording, and a worker that is busy. */
const CHECK_MARGIN_SECONDS = 5;

/** An answer; or why there is none: a message made the check pointless, or our own side could not bring it about. */
type CheckOutcome = CheckTargetAnswer | { readonly kind: 'interrupted' } | { readonly kind: 'failed' };

/**
 * One `checkTarget` activity that can be given up at once: the workflow goes on, while the activity itself ends
 * with its next heartbeat.
 */
export class RunningCheck {
  /** Settles when the activity has ended, whatever became of it; never rejects. */
  readonly ended: Promise<CheckOutcome>;
  private readonly scope = new CancellationScope();
  private readonly interruption = new Trigger<CheckOutcome>();

  constructor(input: CheckTargetInput) {
    this.ended = this.scope.run(() => callCheckTarget(input));
  }

  get outcome(): Promise<CheckOutcome> {
    return Promise.race([this.ended, this.interruption]);
  }

  interrupt(): void {
    this.scope.cancel();
    this.interruption.resolve({ kind: 'interrupted' });
  }
}

async function callCheckTarget(input: CheckTargetInput): Promise<CheckOutcome> {
  const { intervalSeconds, timeoutSeconds } = input.schedule;
  const { checkTarget } = proxyActivities<Activities>({
    startToCloseTimeout: (timeoutSeconds + CHECK_MARGIN_SECONDS) * 1_000,
    // A slot whose check our side could not bring about in this time is given up.
    scheduleToCloseTimeout: (Math.max(intervalSeconds, timeoutSeconds) + 30) * 1_000,
    heartbeatTimeout: '5s',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s' },
  });
  try {
    return await checkTarget(input);
  } catch (error) {
    if (isCancellation(error)) return { kind: 'interrupted' };
    log.warn('a check could not be run', { slot: input.slot, error: String(error) });
    return { kind: 'failed' };
  }
}
