import type { CheckResult } from '../../src/domain/check.ts';
import type { TargetSchedule } from '../../src/domain/schedule.ts';
import {
  INITIAL_STATE,
  pause,
  reduceCheck,
  resume,
  withoutStreaks,
  type Reduction,
  type StatusTransition,
  type TargetState,
} from '../../src/domain/targetState.ts';

export type Command = 'pause' | 'resume' | 'configure';

/** Who knows of a check: the row, the workflow, or nobody but the worker that watches. */
type KnownTo = 'row' | 'workflow' | 'worker';

type Entry =
  | { readonly kind: 'check'; readonly result: CheckResult; knownTo: KnownTo }
  | { readonly kind: 'command'; readonly command: Command; readonly at: number };

/** All that is to count towards a target's status, in its order: what the bare reducer makes of it is right. */
export class CountedChecks {
  private readonly schedule: TargetSchedule;
  private entries: Entry[] = [];

  constructor(schedule: TargetSchedule) {
    this.schedule = schedule;
  }

  check(result: CheckResult, knownTo: KnownTo): void {
    this.entries.push({ kind: 'check', result, knownTo });
  }

  command(command: Command, at: number): void {
    this.entries.push({ kind: 'command', command, at });
  }

  /** What only the worker knew has reached the row, or the workflow. */
  told(whom: 'row' | 'workflow'): void {
    for (const entry of this.entries) {
      if (entry.kind === 'check' && entry.knownTo === 'worker') entry.knownTo = whom;
    }
  }

  /** What only the worker knew counts for nothing. */
  forgetWorkers(): void {
    this.entries = this.entries.filter((entry) => entry.kind !== 'check' || entry.knownTo !== 'worker');
  }

  /** The workflow decides without the row: what only the row knows counts for nothing. */
  forgetRowsAfter(slot: number): void {
    this.entries = this.entries.filter(
      (entry) => entry.kind !== 'check' || entry.knownTo !== 'row' || entry.result.scheduledAt <= slot,
    );
  }

  /** By the bare reducer alone. */
  reduce(): { readonly state: TargetState; readonly transitions: readonly StatusTransition[] } {
    let state = INITIAL_STATE;
    const transitions: StatusTransition[] = [];
    for (const entry of this.entries) {
      const reduction = this.reduceOne(state, entry);
      state = reduction.state;
      if (reduction.transition !== null) transitions.push(reduction.transition);
    }
    return { state, transitions };
  }

  private reduceOne(state: TargetState, entry: Entry): Reduction {
    if (entry.kind === 'check') return reduceCheck(state, entry.result, this.schedule);
    if (entry.command === 'pause') return pause(state, entry.at);
    if (entry.command === 'resume') return resume(state, entry.at);
    return { state: withoutStreaks(state), transition: null };
  }
}
