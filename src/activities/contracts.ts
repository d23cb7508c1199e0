import type { CheckKind, CheckResult } from '../domain/check.ts';
import type { TargetSchedule } from '../domain/schedule.ts';
import type { TargetState } from '../domain/targetState.ts';

/*
 * What workflows ask of activities. Everything here is written into a run's history: ids, versions,
 * times and results, never a URL, a header or a body.
 */

export interface CheckTargetInput {
  readonly targetId: string;
  /** UTC milliseconds; with the target it identifies the check. */
  readonly slot: number;
  readonly kind: CheckKind;
  readonly schedule: TargetSchedule;
  /** Before the check: the activity writes the status that the check decides in the same transaction. */
  readonly state: TargetState;
}

export type CheckTargetAnswer =
  | {
      readonly kind: 'checked';
      /** The stored row where there is one already, else what the probe found. */
      readonly result: CheckResult;
      /** false: Postgres did not commit in time, the workflow keeps the result. */
      readonly recorded: boolean;
      /** The client's setting of this moment; null when nothing was recorded. */
      readonly failureThreshold: number | null;
    }
  /** The target has another version by now (null: it is deleted), so the check counts for nothing. */
  | { readonly kind: 'superseded'; readonly version: number | null };

export interface RecordChecksInput {
  readonly targetId: string;
  /** Oldest first. */
  readonly results: readonly CheckResult[];
  readonly state: TargetState;
  readonly nextCheckAt: number | null;
}

export interface ReconcileInput {
  /** Ends orphans even when they are more than a tenth of all. */
  readonly force: boolean;
}

export interface ReconcileReport {
  readonly targets: number;
  readonly started: number;
  readonly configured: number;
  readonly retired: number;
  /** Orphans that were left alone because they were too many, with no row to prove them deleted. */
  readonly refused: number;
}

export interface Activities {
  checkTarget(input: CheckTargetInput): Promise<CheckTargetAnswer>;
  recordChecks(input: RecordChecksInput): Promise<void>;
  /** @returns null when the target is deleted */
  loadSchedule(targetId: string): Promise<TargetSchedule | null>;
  reconcileTargets(input: ReconcileInput): Promise<ReconcileReport>;
  ensurePartitions(): Promise<void>;
}
