import {
  ActivityCancellationType,
  CancellationScope,
  isCancellation,
  log,
  proxyActivities,
} from '@temporalio/workflow';
import type { Activities, WatchTargetInput } from '../activities/contracts.ts';
import type { WatchedTarget } from '../domain/watching.ts';

/** How long after its window a watch is given up: it may still hand back what it saw. */
const WINDOW_MARGIN_MS = 5 * 60_000;
/** The last resort where a worker and everything that it left in Postgres are gone: heartbeats are dear. */
const HEARTBEAT_TIMEOUT_MS = 15 * 60_000;

/**
 * One `watchTarget` activity. Its time limits are kept by Temporal and outlive every worker: they are the durable
 * timer behind the watch.
 */
export class RunningWatch {
  /** Settles when the activity has ended; null when our own side lost it. Never rejects. */
  readonly ended: Promise<WatchedTarget | null>;
  private readonly scope = new CancellationScope();

  constructor(input: WatchTargetInput, now: number) {
    this.ended = this.scope.run(() => callWatchTarget(input, now));
  }

  /** Its worker hears of it from Postgres, or with its next heartbeat. */
  giveUp(): void {
    this.scope.cancel();
  }
}

async function callWatchTarget(input: WatchTargetInput, now: number): Promise<WatchedTarget | null> {
  const limitMs = input.until - now + WINDOW_MARGIN_MS;
  const { watchTarget } = proxyActivities<Activities>({
    scheduleToCloseTimeout: limitMs,
    startToCloseTimeout: limitMs,
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s' },
    summary: `every ${input.schedule.intervalSeconds} s until ${new Date(input.until).toISOString().slice(11, 19)}`,
  });
  try {
    return await watchTarget(input);
  } catch (error) {
    if (!isCancellation(error)) log.warn('a watch was lost', { error: String(error) });
    return null;
  }
}
