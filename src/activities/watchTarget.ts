import { activityInfo, CompleteAsyncError } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { WatchRepository } from '../db/repositories/watches.ts';
import type { FoundTarget, WatchedTargetRepository } from '../db/repositories/watchedTargets.ts';
import { stateOf } from '../db/workflowView.ts';
import type { Clock } from '../domain/clock.ts';
import { lastSlotOf, type TargetState } from '../domain/targetState.ts';
import { certificateStage, watchNews, type WatchedTarget } from '../domain/watching.ts';
import { abortable } from '../net/abortable.ts';
import type { WatchTargetInput } from './contracts.ts';
import type { TargetCache } from './targetCache.ts';
import { nothingSeen } from './watch/handBack.ts';
import { hostOfUrl, type WatchHost } from './watch/watchHost.ts';
import { HEARTBEAT_EVERY_MS } from './watch/watchUpkeep.ts';

interface WatchTargetDeps {
  readonly watchedTargets: Pick<WatchedTargetRepository, 'lookUp'>;
  readonly watches: Pick<WatchRepository, 'begin' | 'end'>;
  readonly targets: TargetCache;
  readonly host: WatchHost;
  readonly workerId: string;
  readonly clock: Clock;
  readonly onFault: (error: unknown, targetId: string) => void;
}

/** How long Postgres may take to take a watch on; meanwhile the workflow does not check. */
const BEGIN_LIMIT_MS = 2_000;

/**
 * Takes a target on: from here on the host of this worker, or of any that takes it over, serves its slots, and
 * answers the activity by its task token.
 *
 * @returns an answer only where there is nothing to watch
 * @throws CompleteAsyncError when the watch runs
 */
export async function watchTarget(deps: WatchTargetDeps, input: WatchTargetInput): Promise<WatchedTarget> {
  if (deps.host.isStopped) throw ApplicationFailure.retryable('This worker stops.', 'WorkerStops');
  const { taskToken } = activityInfo();
  let answer: WatchedTarget | null;
  try {
    const limit = AbortSignal.timeout(BEGIN_LIMIT_MS);
    answer = await abortable(begin(deps, input, taskToken, limit), limit);
  } catch (error) {
    deps.onFault(error, input.targetId);
    answer = nothingSeen('notStarted');
  }
  if (answer !== null) return answer;
  throw new CompleteAsyncError();
}

/**
 * @returns null when the watch runs
 * @throws the limit's reason when it took too long: the workflow steps by then, and has no use for a watch
 */
async function begin(
  deps: WatchTargetDeps,
  input: WatchTargetInput,
  taskToken: Uint8Array,
  limit: AbortSignal,
): Promise<WatchedTarget | null> {
  const { targetId, schedule, firstSlot, until } = input;
  const now = deps.clock.now();
  const found = await deps.watchedTargets.lookUp(targetId);
  if (found.kind === 'deleted') return nothingSeen('deleted');
  if (found.kind === 'unknown' || found.target.version !== schedule.version) return nothingSeen('notStarted');
  const { status } = input.state;
  if (status !== 'up' && status !== 'down') return nothingSeen('notStarted');
  const state = newest(input.state, found);
  const stage = certificateStage(input.state.certificateExpiresAt, now);
  const news = watchNews({ status, certificateStage: stage }, state, now);
  if (news !== null) return { ...nothingSeen(news), state, failureThreshold: found.failureThreshold };
  deps.targets.remember(found.target);
  const { version } = schedule;
  limit.throwIfAborted();
  const watch = { targetId, version, status, taskToken, firstSlot, until };
  const claim = await deps.watches.begin(deps.workerId, watch);
  if (claim === null) return nothingSeen('notStarted');
  if (limit.aborted) {
    await deps.watches.end(claim);
    throw limit.reason;
  }
  deps.host.begin({
    ...{ ...claim, targetId, taskToken, schedule, status, state, firstSlot, until },
    host: hostOfUrl(found.target.url),
    slot: firstSlot,
    heartbeatAt: now + HEARTBEAT_EVERY_MS * (0.5 + 0.5 * Math.random()),
  });
  return null;
}

/** A watch that begins for the second time finds more in the row than its workflow knew. */
function newest(known: TargetState, { target }: Extract<FoundTarget, { kind: 'found' }>): TargetState {
  const row = stateOf(target);
  return lastSlotOf(row) > lastSlotOf(known) ? row : known;
}
