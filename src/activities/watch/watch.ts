import type { WatchClaim } from '../../db/repositories/watches.ts';
import type { CheckResult } from '../../domain/check.ts';
import type { TargetSchedule } from '../../domain/schedule.ts';
import type { TargetState } from '../../domain/targetState.ts';
import { certificateStage, type WatchEnd } from '../../domain/watching.ts';
import { keepUnrecorded, type UnrecordedCheck } from '../../domain/unrecordedChecks.ts';
import type { Ticket } from './timerWheel.ts';

/** What a watch is made from, by the worker that takes it; times in UTC milliseconds. */
export interface WatchStart extends WatchClaim {
  readonly targetId: string;
  /** Where it is probed: targets of one host share a limit. */
  readonly host: string;
  readonly taskToken: Uint8Array;
  readonly schedule: TargetSchedule;
  /** What the workflow believes: another status is news. */
  readonly status: 'up' | 'down';
  readonly state: TargetState;
  /** The first slot of the whole watch, for its summary. */
  readonly firstSlot: number;
  /** The slot to serve next. */
  readonly slot: number;
  readonly until: number;
  /** When Temporal has to hear of it first. */
  readonly heartbeatAt: number;
}

/** One target that this process watches. */
export class Watch {
  readonly start: WatchStart;
  readonly began: { readonly status: 'up' | 'down'; readonly certificateStage: number };
  state: TargetState;
  failureThreshold: number;
  slot: number;
  /** A slot is moved once, see `dueSlot`. */
  slotWasMoved = false;
  heartbeatAt: number;
  /** What Postgres has not taken yet, and since when. */
  backlog: readonly UnrecordedCheck[] = [];
  backlogSince: number | null = null;
  /** News that Temporal has not taken yet, and the attempt that is under way. */
  undelivered: WatchEnd | null = null;
  delivery: Promise<boolean> | null = null;
  /** What happens next; null while something happens. */
  next: Ticket | null = null;
  /** Settles when what happens now is through; null while it waits for its slot. */
  busy: Promise<void> | null = null;
  private stopping = new AbortController();

  constructor(start: WatchStart, now: number) {
    this.start = start;
    this.began = {
      status: start.status,
      certificateStage: certificateStage(start.state.certificateExpiresAt, now),
    };
    this.state = start.state;
    this.failureThreshold = start.schedule.failureThreshold;
    this.slot = start.slot;
    this.heartbeatAt = start.heartbeatAt;
  }

  /** Aborted when the probe that is running counts for nothing any more. */
  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  get isStopped(): boolean {
    return this.signal.aborted;
  }

  /** No further slot is served, and the probe that is running is given up. */
  stop(): void {
    this.next?.cancel();
    this.next = null;
    this.stopping.abort(new Error('the watch has ended'));
  }

  keep(check: UnrecordedCheck, now: number): void {
    this.backlog = keepUnrecorded(this.backlog, check);
    this.backlogSince ??= now;
  }

  /** Postgres, or the workflow, has these. */
  taken(results: readonly CheckResult[]): void {
    const slots = new Set(results.map(({ scheduledAt }) => scheduledAt));
    this.backlog = this.backlog.filter(({ result }) => !slots.has(result.scheduledAt));
    if (this.backlog.length === 0) this.backlogSince = null;
  }
}
