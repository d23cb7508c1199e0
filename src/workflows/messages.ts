import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { CheckResult } from '../domain/check.ts';
import type { TargetSchedule } from '../domain/schedule.ts';
import type { CarriedTarget } from '../domain/carriedTarget.ts';
import type { TargetState, TargetStatus } from '../domain/targetState.ts';

/** What starts the workflow of a target. Ids, versions and times only: no URL, no header, no body. */
export interface HttpTargetInput {
  readonly targetId: string;
  readonly clientId: string;
  /** Reconcile ends only the workflows of its own installation. */
  readonly installationId: string;
  readonly schedule: TargetSchedule;
  /** What Postgres knows of the target, so that a workflow that has to be started anew re-alerts nobody. */
  readonly state: TargetState;
  /** Where a run before this one stopped; absent at the start. */
  readonly carried?: CarriedTarget;
}

/** `UP`, `DOWN`, `UNKNOWN` or `PAUSED`, as in the API. */
export const MONITOR_STATUS = defineSearchAttributeKey('MonitorStatus', SearchAttributeType.KEYWORD);

/** What lists of runs show of a target, and what reconcile compares. */
export interface HttpTargetMemo {
  readonly name: string;
  readonly installationId: string;
  readonly version: number;
  readonly status: string;
}

/** A new schedule; older versions than the one known are ignored. */
export const configureSignal = defineSignal<[schedule: TargetSchedule]>('configure');
export const pauseSignal = defineSignal<[change: { readonly version: number }]>('pause');
export const resumeSignal = defineSignal<[change: { readonly version: number }]>('resume');
/** The target was deleted: stop checking at once, end when nothing waits to be written. */
export const retireSignal = defineSignal('retire');
/** Reconcile found no check of the target for long, and nobody who watches it: step. */
export const watchLostSignal = defineSignal('watchLost');

export interface CheckNowAnswer {
  readonly result: CheckResult;
  readonly status: TargetStatus;
}

/** Why a check now was refused: the `type` of the ApplicationFailure that the update fails with. */
export type CheckNowRefusal = 'TargetPaused' | 'TargetRetired' | 'CheckNotRun';

/** Checks now (or joins the check that is running) and answers with what it found. */
export const checkNowUpdate = defineUpdate<CheckNowAnswer>('checkNow');

export interface HttpTargetView {
  readonly targetId: string;
  /** The same words as the current details. */
  readonly words: string;
  readonly schedule: TargetSchedule;
  readonly state: TargetState;
  readonly nextCheckAt: number | null;
  readonly unrecordedChecks: number;
}

export const statusQuery = defineQuery<HttpTargetView>('status');

/** Signal of the self-test workflow: the supervisor's proof that Temporal still writes. */
export const touchSignal = defineSignal('touch');
/** Query of the self-test workflow: readiness' proof that a worker answers. */
export const pingQuery = defineQuery<'pong'>('ping');
