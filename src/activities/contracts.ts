import type { CheckKind, CheckResult } from '../domain/check.ts';
import type { HeartbeatJudgement } from '../domain/heartbeat.ts';
import type { RecordedDecision } from '../domain/targetRun.ts';
import type { TargetSchedule } from '../domain/schedule.ts';
import type { TargetState } from '../domain/targetState.ts';
import type { WatchedTarget } from '../domain/watching.ts';

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
  /** Before the check: Postgres decides from it where it has missed results. */
  readonly state: TargetState;
  /** A watch of this target goes on; any other check ends one that was left behind. */
  readonly besideWatch: boolean;
}

export interface WatchTargetInput {
  readonly targetId: string;
  readonly schedule: TargetSchedule;
  /** At the start: what is different later is news. */
  readonly state: TargetState;
  /** The first slot to serve, UTC milliseconds. */
  readonly firstSlot: number;
  /** UTC milliseconds; the watch answers after its last slot before. */
  readonly until: number;
}

export type CheckTargetAnswer =
  | {
      readonly kind: 'checked';
      /** The stored row where there is one already, else what the probe found. */
      readonly result: CheckResult;
      /** What Postgres made of it; null when it did not commit in time, and the workflow keeps the result. */
      readonly recorded: RecordedDecision | null;
    }
  /** The target has another version by now, so the check counts for nothing. */
  | { readonly kind: 'superseded'; readonly version: number }
  | { readonly kind: 'deleted' };

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
  /** Targets that nobody checked any more: their workflows were told, and step where they believed in a watch. */
  readonly watchesLost: number;
  /** Targets that could not be brought in line this time. */
  readonly failed: number;
  /** Orphans that were left alone because they were too many, with no row to prove them deleted. */
  readonly refused: number;
}

export interface Activities {
  /** @throws TargetUnknown when the target has no row at all: this may be the wrong database */
  checkTarget(input: CheckTargetInput): Promise<CheckTargetAnswer>;
  /**
   * Serves the target's slots until there is news, or until its time is over. Completed by whichever worker
   * has it then.
   */
  watchTarget(input: WatchTargetInput): Promise<WatchedTarget>;
  recordChecks(input: RecordChecksInput): Promise<void>;
  /**
   * @returns null when the target is deleted
   * @throws TargetUnknown when it has no row at all
   */
  loadSchedule(targetId: string): Promise<TargetSchedule | null>;
  reconcileTargets(input: ReconcileInput): Promise<ReconcileReport>;
  ensurePartitions(): Promise<void>;
}

export interface RollupReport {
  readonly hours: number;
  /** Targets that had checks, or metrics that had samples: the most in one of these hours. */
  readonly rows: number;
  /** Hours of one target or metric that got a row after they were rolled up. */
  readonly lateHours: number;
  /** UTC milliseconds. */
  readonly completeUntil: number;
}

interface DroppedPartitions {
  readonly dropped: number;
  /** Too old, but not rolled up yet. */
  readonly unrolled: number;
  readonly busy: number;
  /** Ids of what agents sent, too old to come again. */
  readonly forgottenIngests: number;
}

/** What is too old to be of use; 400 days for transitions, as long as samples for the others. */
export interface ForgottenMetrics {
  /** Those that were deleted, with all their metrics. */
  readonly forgottenMachines: number;
  /** Those that did not come any more, of machines that are there. */
  readonly forgottenMetrics: number;
  readonly forgottenTransitions: number;
}

export type Dropped = DroppedPartitions &
  ForgottenMetrics & {
    /** Those that were resolved more than 400 days ago. */
    readonly forgottenIncidents: number;
  };

interface Reindexed {
  /** Partitions whose indexes were built anew. */
  readonly reindexed: readonly string[];
  /** Why not, when the role may not. */
  readonly refusal: string | null;
}

export type RetentionReport = Dropped & Reindexed;

/** What keeps the stored checks and samples small and quick to read. */
export interface StorageActivities {
  rollUpChecks(): Promise<RollupReport>;
  rollUpSamples(): Promise<RollupReport>;
  dropExpired(): Promise<Dropped>;
  reindexYesterday(): Promise<Reindexed>;
}

export interface HeartbeatSweepReport {
  readonly machines: number;
  /** Machines that this sweep found silent. */
  readonly silent: number;
  readonly started: number;
  /** Workflows that were told what they had not heard. */
  readonly configured: number;
  readonly retired: number;
  /** Machines that could not be brought in line this time. */
  readonly failed: number;
  /** Orphans that were left alone because they were too many, with no row to prove them deleted. */
  readonly refused: number;
}

/** What finds the machines that have fallen silent. */
export interface HeartbeatActivities {
  /** Lets Postgres judge the silence of all machines, and answers what it says of this one. Never waits for long. */
  judgeHeartbeat(machineId: string): Promise<HeartbeatJudgement>;
  sweepHeartbeats(input: ReconcileInput): Promise<HeartbeatSweepReport>;
}

/** Clients that are evaluated together. */
export interface EvaluationShard {
  readonly clientIds: readonly string[];
  readonly metrics: number;
}

export interface EvaluatedShard {
  readonly metrics: number;
  readonly breached: number;
  readonly recovered: number;
  readonly stale: number;
  /** Clients that could not be evaluated this time. */
  readonly failed: number;
}

export interface EvaluationReport extends EvaluatedShard {
  readonly clients: number;
}

/** What compares metrics with their thresholds. */
export interface EvaluationActivities {
  /** All clients that have metrics, in shards of some size. */
  listEvaluationShards(): Promise<EvaluationShard[]>;
  /** Looks at every sample that came since the last time. May be repeated, and run twice at once. */
  evaluateShard(shard: EvaluationShard): Promise<EvaluatedShard>;
}
