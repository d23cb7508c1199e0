import type { CheckResult } from '../../domain/check.ts';
import type { TargetState } from '../../domain/targetState.ts';

/** A check on its way to the database. */
export interface CheckToRecord {
  readonly targetId: string;
  readonly result: CheckResult;
  /** Only a check of this version of a living target is stored; null stores it whatever has changed since. */
  readonly version: number | null;
  readonly watch: WatchFence;
  /**
   * What the stored check makes of the target; null where another entry of the group decides.
   *
   * @param known what the row says, where it has seen as much as whoever asks
   */
  readonly decide: ((stored: CheckResult, known: KnownState) => DecidedState) | null;
}

/**
 * How a check stands to the watch of its target: one of it (`claim`; stored only while nobody else has the watch),
 * `beside` it, or `instead` of one, which ends a watch that was left behind from an earlier slot.
 */
export type WatchFence = { readonly claim: string } | 'beside' | 'instead';

interface KnownState {
  /** As last decided here; null before the first check. */
  readonly state: TargetState | null;
  /** The client's setting of this moment. */
  readonly failureThreshold: number;
}

export interface DecidedState {
  readonly state: TargetState;
  readonly nextCheckAt: number | null;
}

/** What became of a check. */
export type RecordedCheck =
  | {
      readonly kind: 'recorded';
      readonly stored: CheckResult;
      readonly failureThreshold: number;
      /** What the check made of the target; null where `decide` was. */
      readonly decided: DecidedState | null;
    }
  /** The target has another version by now: the check counts for nothing. */
  | { readonly kind: 'superseded'; readonly version: number }
  | { readonly kind: 'deleted' }
  /** The check is one of a watch that has ended, or that another worker has by now. */
  | { readonly kind: 'fenced'; readonly by: 'end' | 'worker' }
  /** There is no row at all: this may be the wrong database. */
  | { readonly kind: 'unknown' };
