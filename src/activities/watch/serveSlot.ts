import type { RecordedCheck } from '../../db/repositories/checkToRecord.ts';
import type { CheckResult } from '../../domain/check.ts';
import { lastSlotOf, reduceCheck } from '../../domain/targetState.ts';
import { isRoutine, watchNews, type WatchEnd } from '../../domain/watching.ts';
import { decidedInRow } from '../decidedInRow.ts';
import { lookAt, type LookDeps } from '../look.ts';
import type { Recorder } from '../recorder.ts';
import type { ProbeLimits } from './probeLimits.ts';
import type { Watch } from './watch.ts';

export interface ServeSlotDeps extends LookDeps {
  readonly recorder: Pick<Recorder, 'record'>;
  readonly limits: ProbeLimits;
  readonly onChecked: (result: CheckResult) => void;
}

/** What a watch does after a slot: goes on, ends, or is no longer this worker's. */
export type SlotOutcome = 'goOn' | 'lost' | { readonly end: WatchEnd };

/** Postgres may refuse rows for this long before they go back to the workflow. */
const KEEP_BACKLOG_MS = 60_000;

/**
 * One slot of a watch: probe, record, reduce, as `checkTarget` does.
 *
 * @throws the reason of the watch's signal when it is stopped meanwhile: the check then counts for nothing
 */
export async function serveSlot(deps: ServeSlotDeps, watch: Watch): Promise<SlotOutcome> {
  const { targetId, host, schedule } = watch.start;
  const look = await deps.limits.run(host, async () => {
    watch.signal.throwIfAborted();
    return lookAt(deps, { targetId, version: schedule.version }, watch.signal);
  });
  if (look.kind !== 'looked') return { end: look.kind };
  const result: CheckResult = { ...look.outcome, scheduledAt: watch.slot, kind: 'scheduled' };
  deps.onChecked(result);
  return record(deps, watch, result);
}

/** Offers Postgres once more what it has not taken. */
export async function offerBacklog(deps: ServeSlotDeps, watch: Watch): Promise<SlotOutcome> {
  return record(deps, watch, null);
}

async function record(deps: ServeSlotDeps, watch: Watch, fresh: CheckResult | null): Promise<SlotOutcome> {
  const { targetId, schedule, claim } = watch.start;
  const waiting = watch.backlog.map(({ result }) => result);
  const results = fresh === null ? waiting : [...waiting, fresh];
  const isRoutineCheck = fresh !== null && waiting.length === 0 && isRoutine(fresh, watch.state.status);
  const known = { targetId, schedule, state: watch.state };
  const answers = await Promise.all(
    results.map((result) =>
      deps.recorder.record(
        decidedInRow(deps.clock, known, result, { claim }),
        isRoutineCheck ? 'routine' : 'prompt',
      ),
    ),
  );
  const now = deps.clock.now();
  adopt(watch, results, answers);
  if (fresh !== null && !isTaken(answers.at(-1))) decideAlone(watch, fresh, now);
  return endOf(answers) ?? whatNow(watch, now);
}

/** What Postgres decided is so. */
function adopt(
  watch: Watch,
  results: readonly CheckResult[],
  answers: readonly (RecordedCheck | null)[],
): void {
  const taken: CheckResult[] = [];
  answers.forEach((answer, index) => {
    const result = results[index];
    if (answer?.kind !== 'recorded' || result === undefined) return;
    taken.push(result);
    watch.failureThreshold = answer.failureThreshold;
    const decided = answer.decided?.state;
    if (decided !== undefined && lastSlotOf(decided) >= lastSlotOf(watch.state)) watch.state = decided;
  });
  watch.taken(taken);
}

/** Without Postgres the same reducer decides, and the result is kept. */
function decideAlone(watch: Watch, result: CheckResult, now: number): void {
  const { schedule } = watch.start;
  const { state, transition } = reduceCheck(watch.state, result, {
    ...schedule,
    failureThreshold: watch.failureThreshold,
  });
  watch.state = state;
  watch.keep({ result, isTransition: transition !== null }, now);
}

/** No row at all may mean the wrong database: such a result is kept as one that was refused. */
function isTaken(answer: RecordedCheck | null | undefined): boolean {
  return answer !== null && answer !== undefined && answer.kind !== 'unknown';
}

function endOf(answers: readonly (RecordedCheck | null)[]): SlotOutcome | null {
  for (const answer of answers) {
    if (answer?.kind === 'fenced') return answer.by === 'worker' ? 'lost' : { end: 'revoked' };
    if (answer?.kind === 'superseded' || answer?.kind === 'deleted') return { end: answer.kind };
  }
  return null;
}

function whatNow(watch: Watch, now: number): SlotOutcome {
  const news = watchNews(watch.began, watch.state, now);
  if (news !== null) return { end: news };
  const isPostgresAway = watch.backlogSince !== null && now - watch.backlogSince >= KEEP_BACKLOG_MS;
  return isPostgresAway ? { end: 'postgresAway' } : 'goOn';
}
