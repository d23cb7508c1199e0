import type { CheckResult } from '../../src/domain/check.ts';
import type { RecordedDecision } from '../../src/domain/targetRun.ts';
import type { TargetSchedule } from '../../src/domain/schedule.ts';
import {
  decideCheck,
  INITIAL_STATE,
  lastSlotOf,
  nextCheckAt,
  withoutStreaks,
  type TargetState,
} from '../../src/domain/targetState.ts';

/** What Postgres keeps of one target, by the rules of `recordGroup.ts`, `recordChecks.ts` and the API's commands. */
export class PlayedPostgres {
  private readonly targetId: string;
  private readonly rows = new Map<number, CheckResult>();
  private row: TargetState = INITIAL_STATE;
  private dueAt: number | null = null;

  constructor(targetId: string) {
    this.targetId = targetId;
  }

  get slots(): readonly number[] {
    return [...this.rows.keys()];
  }

  /** What a worker finds that takes a watch over. */
  get state(): TargetState {
    return this.row;
  }

  get nextCheckAt(): number | null {
    return this.dueAt;
  }

  /** A check of an active target: the stored row wins, and whoever knows more decides. */
  record(
    result: CheckResult,
    carried: TargetState,
    schedule: TargetSchedule,
    now: number,
  ): RecordedDecision & { readonly isNew: boolean } {
    const stored = this.rows.get(result.scheduledAt) ?? result;
    const isNew = this.insert(result);
    const known: TargetState = this.row.status === 'paused' ? { ...this.row, status: 'unknown' } : this.row;
    const state = decideCheck(known, carried, stored, schedule);
    this.rewrite(state, nextCheckAt(this.targetId, state, schedule, result.scheduledAt, now));
    return { state, failureThreshold: schedule.failureThreshold, isNew };
  }

  /** What a workflow kept and writes late. */
  recordKept(results: readonly CheckResult[], state: TargetState, dueAt: number | null): void {
    for (const result of results) this.insert(result);
    this.rewrite(state, dueAt);
  }

  /** The command of the API that makes a new version. */
  startOver(wasActive: boolean, isActive: boolean, now: number): void {
    this.dueAt = isActive ? now : null;
    this.row = withoutStreaks(this.row);
    if (wasActive === isActive) return;
    this.row = { ...this.row, status: isActive ? 'unknown' : 'paused', lastStateChangeAt: now };
  }

  private insert(result: CheckResult): boolean {
    if (this.rows.has(result.scheduledAt)) return false;
    this.rows.set(result.scheduledAt, result);
    return true;
  }

  private rewrite(state: TargetState, dueAt: number | null): void {
    if (lastSlotOf(this.row) >= lastSlotOf(state)) return;
    this.row = state;
    this.dueAt = dueAt;
  }
}
