import type { CheckRepository } from '../db/repositories/checks.ts';
import type { CheckToRecord, RecordedCheck } from '../db/repositories/checkToRecord.ts';

/** How long a result may wait for others, so that they share one transaction. */
const GROUP_WINDOW_MS = 50;
/** How long a check waits for its commit; after that its workflow keeps the result. */
const COMMIT_DEADLINE_MS = 300;
const MAX_GROUP = 1_000;
/** As many as its pool has connections. */
const MAX_COMMITS_IN_FLIGHT = 2;

interface WaitingCheck {
  readonly check: CheckToRecord;
  readonly answer: (recorded: RecordedCheck | null) => void;
}

export interface RecorderOptions {
  readonly checks: Pick<CheckRepository, 'record'>;
  readonly onError: (error: unknown, groupSize: number) => void;
}

/**
 * Writes results in groups: one transaction for what arrives within some 50 ms, over all targets of the
 * worker. A caller never waits longer than 300 ms, a hanging Postgres included; a commit that comes later
 * than that is found by the workflow when it writes the result again.
 */
export class Recorder {
  private readonly options: RecorderOptions;
  private readonly waiting = new Set<WaitingCheck>();
  private windowTimer: NodeJS.Timeout | null = null;
  private commitsInFlight = 0;

  constructor(options: RecorderOptions) {
    this.options = options;
  }

  /** @returns null when the commit did not happen in time */
  record(check: CheckToRecord): Promise<RecordedCheck | null> {
    return new Promise((resolve) => {
      const entry: WaitingCheck = {
        check,
        answer: (recorded) => {
          clearTimeout(deadline);
          resolve(recorded);
        },
      };
      const deadline = setTimeout(() => {
        this.waiting.delete(entry);
        resolve(null);
      }, COMMIT_DEADLINE_MS);
      this.waiting.add(entry);
      this.openWindow();
    });
  }

  private openWindow(): void {
    if (this.windowTimer !== null || this.waiting.size === 0) return;
    if (this.commitsInFlight >= MAX_COMMITS_IN_FLIGHT) return;
    const delay = this.waiting.size >= MAX_GROUP ? 0 : GROUP_WINDOW_MS;
    this.windowTimer = setTimeout(() => {
      this.windowTimer = null;
      void this.commitGroup();
    }, delay);
  }

  private async commitGroup(): Promise<void> {
    const group = [...this.waiting].slice(0, MAX_GROUP);
    if (group.length === 0) return;
    for (const entry of group) this.waiting.delete(entry);
    this.commitsInFlight += 1;
    this.openWindow();
    try {
      await this.commit(group);
    } finally {
      this.commitsInFlight -= 1;
      this.openWindow();
    }
  }

  /** One check that Postgres refuses must not keep the others of its group from being stored. */
  private async commit(group: readonly WaitingCheck[]): Promise<void> {
    try {
      const recorded = await this.options.checks.record(group.map(({ check }) => check));
      group.forEach(({ answer }, index) => answer(recorded[index] ?? null));
    } catch (error) {
      this.options.onError(error, group.length);
      if (group.length > 1 && isRefusedData(error)) {
        for (const entry of group) await this.commit([entry]);
      } else {
        for (const { answer } of group) answer(null);
      }
    }
  }
}

/** SQLSTATE classes 22 (data exception) and 23 (constraint violation): trying again gives the same. */
function isRefusedData(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^2[23]/.test(code);
}
