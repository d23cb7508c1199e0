import pLimit from 'p-limit';
import type { WatchSummaryReader } from '../../db/repositories/watchSummary.ts';
import type { WatchedTargetRepository } from '../../db/repositories/watchedTargets.ts';
import { scheduleOf } from '../../db/workflowView.ts';
import type { Clock } from '../../domain/clock.ts';
import type { TargetSchedule } from '../../domain/schedule.ts';
import type { WatchedTarget, WatchEnd, WatchSummary } from '../../domain/watching.ts';
import { abortable } from '../../net/abortable.ts';
import type { Watch } from './watch.ts';

/** What a worker tells Temporal of an activity by its task token, whichever worker it was given to. */
export interface WatchTokens {
  /**
   * @returns "stale" when nobody waits for the answer any more
   * @throws when Temporal is away
   */
  complete(taskToken: Uint8Array, watched: WatchedTarget): Promise<'done' | 'stale'>;
  /** @throws when Temporal is away */
  heartbeat(taskToken: Uint8Array): Promise<'alive' | 'cancelled' | 'stale'>;
}

export interface HandBackDeps {
  readonly tokens: WatchTokens;
  readonly summaries: Pick<WatchSummaryReader, 'read'>;
  readonly watchedTargets: Pick<WatchedTargetRepository, 'lookUp'>;
  readonly clock: Clock;
  readonly onFault: (error: unknown, targetId: string) => void;
}

/** Answers at once: a storm of them must leave Temporal room for the checks that follow. */
const ANSWERS_AT_ONCE = 16;
/** Nothing is offered for so long after Temporal did not take an answer: watches have slots to serve. */
const AWAY_MS = 2_000;
/** What an answer would like to know of Postgres, it does not wait for. */
const READ_LIMIT_MS = 300;

/** Gives watches back to their workflows. */
export class HandBack {
  private readonly deps: HandBackDeps;
  private readonly turns = pLimit(ANSWERS_AT_ONCE);
  private awayUntil = 0;

  constructor(deps: HandBackDeps) {
    this.deps = deps;
  }

  /**
   * What the workflow has got leaves the backlog; what came meanwhile, and all of it where nobody wants the answer any
   * more, stays there.
   *
   * @returns whether the workflow has it, or wants it no more; false while Temporal is away
   */
  deliver(watch: Watch, end: WatchEnd): Promise<boolean> {
    return this.turns(async () => {
      if (this.deps.clock.now() < this.awayUntil) return false;
      try {
        const answer = await this.answer(watch, end);
        const outcome = await this.deps.tokens.complete(watch.start.taskToken, answer);
        if (outcome === 'done') watch.taken(answer.unrecorded.map(({ result }) => result));
        return true;
      } catch (error) {
        this.deps.onFault(error, watch.start.targetId);
        this.awayUntil = this.deps.clock.now() + AWAY_MS;
        return false;
      }
    });
  }

  /**
   * Of a target that was deleted while nobody watched it.
   *
   * @throws when Temporal is away
   */
  async deliverDeleted(taskToken: Uint8Array): Promise<void> {
    await this.deps.tokens.complete(taskToken, nothingSeen('deleted'));
  }

  private async answer(watch: Watch, end: WatchEnd): Promise<WatchedTarget> {
    const [summary, current] = await Promise.all([
      this.summary(watch, end),
      end === 'superseded' || end === 'deleted' ? this.currentSchedule(watch) : null,
    ]);
    return {
      end: current === 'deleted' ? 'deleted' : end,
      state: watch.state,
      failureThreshold: watch.failureThreshold,
      unrecorded: watch.backlog,
      summary,
      schedule: current === 'deleted' ? null : current,
    };
  }

  private async currentSchedule({ start }: Watch): Promise<TargetSchedule | 'deleted' | null> {
    const found = await this.read(start.targetId, this.deps.watchedTargets.lookUp(start.targetId));
    if (found?.kind === 'deleted') return 'deleted';
    return found?.kind === 'found' ? scheduleOf(found) : null;
  }

  private async summary({ start }: Watch, end: WatchEnd): Promise<WatchSummary | null> {
    if (end === 'postgresAway') return null;
    return this.read(start.targetId, this.deps.summaries.read(start.targetKey, start.firstSlot));
  }

  /** @returns null when Postgres does not say in time */
  private async read<T>(targetId: string, query: Promise<T>): Promise<T | null> {
    try {
      return await abortable(query, AbortSignal.timeout(READ_LIMIT_MS));
    } catch (error) {
      this.deps.onFault(error, targetId);
      return null;
    }
  }
}

/** The answer of a watch that served no slot. */
export function nothingSeen(end: WatchEnd): WatchedTarget {
  return { end, state: null, failureThreshold: null, unrecorded: [], summary: null, schedule: null };
}
