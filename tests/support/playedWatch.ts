import type { CheckResult } from '../../src/domain/check.ts';
import { dueSlot, type TargetSchedule } from '../../src/domain/schedule.ts';
import { lastSlotOf, nextCheckAt, reduceCheck, type TargetState } from '../../src/domain/targetState.ts';
import type { UnrecordedCheck } from '../../src/domain/unrecordedChecks.ts';
import { certificateStage, watchNews, type WatchedTarget, type WatchEnd } from '../../src/domain/watching.ts';
import type { PlayedPostgres } from './playedPostgres.ts';

/** So short that windows end in the middle of what a test plays. */
const WINDOW_INTERVALS = 12;
const KEEP_BACKLOG_MS = 60_000;

/** A watch as `WatchHost` and `serveSlot` run it, one slot after the other. */
export class PlayedWatch {
  readonly until: number;
  slot: number;
  backlog: readonly UnrecordedCheck[] = [];
  private readonly targetId: string;
  private readonly schedule: TargetSchedule;
  private began: { readonly status: TargetState['status']; readonly certificateStage: number };
  private state: TargetState;
  private backlogSince = Number.POSITIVE_INFINITY;
  private slotWasMoved = false;

  constructor(
    targetId: string,
    schedule: TargetSchedule,
    state: TargetState,
    firstSlot: number,
    now: number,
    until = now + WINDOW_INTERVALS * schedule.intervalSeconds * 1_000,
  ) {
    this.targetId = targetId;
    this.schedule = schedule;
    this.state = state;
    this.slot = firstSlot;
    this.until = until;
    this.began = {
      status: state.status,
      certificateStage: certificateStage(state.certificateExpiresAt, now),
    };
  }

  get isOver(): boolean {
    return this.slot >= this.until;
  }

  /** When there is something to do: at once when its time is over. */
  get dueAt(): number {
    return this.isOver ? 0 : this.slot;
  }

  /** What `watchTarget` answers instead of watching, if anything. */
  refusal({ state }: PlayedPostgres, now: number): WatchedTarget | null {
    const { status } = this.began;
    if (status !== 'up' && status !== 'down') return { ...this.answer('notStarted'), state: null };
    if (lastSlotOf(state) > lastSlotOf(this.state)) this.state = state;
    const news = this.news(now);
    return news === null ? null : this.answer(news);
  }

  news(now: number): WatchEnd | null {
    return watchNews(this.began, this.state, now);
  }

  /** The same watch on another worker, which knows of it what the row says. */
  adopted({ state, nextCheckAt: slot }: PlayedPostgres, now: number): PlayedWatch {
    const watch = new PlayedWatch(this.targetId, this.schedule, state, slot ?? now, now, this.until);
    watch.began = { ...watch.began, status: this.began.status };
    return watch;
  }

  moveOverdueSlot(now: number): boolean {
    if (this.slotWasMoved || this.isOver) return false;
    const slot = dueSlot(this.targetId, this.schedule.intervalSeconds * 1_000, this.slot, now);
    this.slotWasMoved = slot !== this.slot;
    this.slot = slot;
    return this.slotWasMoved;
  }

  /** @param postgres null while it refuses rows */
  serve(result: CheckResult, postgres: PlayedPostgres | null, now: number): WatchEnd | null {
    if (postgres === null) this.decideAlone(result, now);
    else this.record(result, postgres, now);
    const news = this.news(now);
    if (news !== null) return news;
    if (now - this.backlogSince >= KEEP_BACKLOG_MS) return 'postgresAway';
    this.slot = nextCheckAt(this.targetId, this.state, this.schedule, this.slot, now);
    this.slotWasMoved = false;
    return null;
  }

  answer(end: WatchEnd): WatchedTarget {
    const { state, backlog: unrecorded } = this;
    return { end, state, failureThreshold: null, unrecorded, summary: null, schedule: null };
  }

  private record(result: CheckResult, postgres: PlayedPostgres, now: number): void {
    const carried = this.state;
    for (const each of [...this.backlog.map((kept) => kept.result), result]) {
      const { state } = postgres.record(each, carried, this.schedule, now);
      if (lastSlotOf(state) >= lastSlotOf(this.state)) this.state = state;
    }
    this.backlog = [];
    this.backlogSince = Number.POSITIVE_INFINITY;
  }

  private decideAlone(result: CheckResult, now: number): void {
    const { state, transition } = reduceCheck(this.state, result, this.schedule);
    this.state = state;
    this.backlog = [...this.backlog, { result, isTransition: transition !== null }];
    this.backlogSince = Math.min(this.backlogSince, now);
  }
}
