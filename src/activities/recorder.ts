import type { CheckRepository } from '../db/repositories/checks.ts';
import type { CheckToRecord, RecordedCheck } from '../db/repositories/checkToRecord.ts';
import { isRefusedData } from '../db/sqlState.ts';

/** How long a result may wait for others to share one transaction with, and then for its commit. */
const PACES = {
  /** A workflow waits for it. After 300 ms it keeps the result itself. */
  prompt: { groupWithinMs: 50, answerWithinMs: 300 },
  /** Nobody waits: one of the many checks that are no news. */
  routine: { groupWithinMs: 500, answerWithinMs: 5_000 },
} as const;
export type RecordingPace = keyof typeof PACES;

const MAX_GROUP = 1_000;
/** As many as its pool has connections. */
const MAX_COMMITS_IN_FLIGHT = 2;

interface WaitingCheck {
  readonly check: CheckToRecord;
  /** By the process' own clock. */
  readonly commitBy: number;
  readonly answer: (recorded: RecordedCheck | null) => void;
}

/** A group of results that Postgres was given. */
export interface Commit {
  readonly groupSize: number;
  readonly tookMs: number;
  readonly isRefused: boolean;
}

interface RecorderOptions {
  readonly checks: Pick<CheckRepository, 'record'>;
  readonly onError: (error: unknown, groupSize: number) => void;
  /** Told of each group, whether it was committed or not. */
  readonly onCommit?: (commit: Commit) => void;
}

/**
 * Writes results in groups: one transaction for what arrives within some 50 ms (half a second where nobody
 * waits), over all targets of the worker. A caller never waits longer than its pace allows, a hanging Postgres
 * included; a commit that comes later than that is found when the result is written again.
 */
export class Recorder {
  private readonly options: RecorderOptions;
  private readonly waiting = new Set<WaitingCheck>();
  private window: { readonly timer: NodeJS.Timeout; readonly closesAt: number } | null = null;
  private commitsInFlight = 0;

  constructor(options: RecorderOptions) {
    this.options = options;
  }

  /** Results that no transaction has taken yet. */
  get waitingCount(): number {
    return this.waiting.size;
  }

  /** @returns null when the commit did not happen in time */
  record(check: CheckToRecord, pace: RecordingPace = 'prompt'): Promise<RecordedCheck | null> {
    const { groupWithinMs, answerWithinMs } = PACES[pace];
    return new Promise((resolve) => {
      const entry: WaitingCheck = {
        check,
        commitBy: performance.now() + groupWithinMs,
        answer: (recorded) => {
          clearTimeout(deadline);
          resolve(recorded);
        },
      };
      const deadline = setTimeout(() => {
        this.waiting.delete(entry);
        resolve(null);
      }, answerWithinMs);
      this.waiting.add(entry);
      this.openWindow(this.waiting.size >= MAX_GROUP ? performance.now() : entry.commitBy);
    });
  }

  /** Sees to it that what waits is committed by then, or as soon as a connection is free. */
  private openWindow(commitBy: number): void {
    if (this.commitsInFlight >= MAX_COMMITS_IN_FLIGHT) return;
    if (this.window !== null && this.window.closesAt <= commitBy) return;
    clearTimeout(this.window?.timer);
    const timer = setTimeout(
      () => {
        this.window = null;
        void this.commitGroup();
      },
      Math.max(0, commitBy - performance.now()),
    );
    this.window = { timer, closesAt: commitBy };
  }

  private openWindowForWaiting(): void {
    if (this.waiting.size === 0) return;
    this.openWindow(Math.min(...[...this.waiting].map(({ commitBy }) => commitBy)));
  }

  private async commitGroup(): Promise<void> {
    const group = [...this.waiting].slice(0, MAX_GROUP);
    if (group.length === 0) return;
    for (const entry of group) this.waiting.delete(entry);
    this.commitsInFlight += 1;
    this.openWindowForWaiting();
    try {
      await this.commit(group);
    } finally {
      this.commitsInFlight -= 1;
      this.openWindowForWaiting();
    }
  }

  /** One check that Postgres refuses must not keep the others of its group from being stored. */
  private async commit(group: readonly WaitingCheck[]): Promise<void> {
    const began = performance.now();
    const tell = (isRefused: boolean): void =>
      this.options.onCommit?.({ groupSize: group.length, tookMs: performance.now() - began, isRefused });
    try {
      const recorded = await this.options.checks.record(group.map(({ check }) => check));
      tell(false);
      group.forEach(({ answer }, index) => answer(recorded[index] ?? null));
    } catch (error) {
      tell(true);
      this.options.onError(error, group.length);
      if (group.length > 1 && isRefusedData(error)) {
        for (const entry of group) await this.commit([entry]);
      } else {
        for (const { answer } of group) answer(null);
      }
    }
  }
}
