import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { CheckResult } from '../domain/check.ts';
import type { CheckTargetAnswer, CheckTargetInput } from './contracts.ts';
import { decidedInRow } from './decidedInRow.ts';
import { lookAt, type LookDeps } from './look.ts';
import type { Recorder } from './recorder.ts';
import { targetUnknown } from './targetUnknown.ts';

export interface CheckTargetDeps extends LookDeps {
  readonly recorder: Pick<Recorder, 'record'>;
  /** Told of each check, before it is recorded. */
  readonly onChecked?: (result: CheckResult) => void;
}

/** Cancellation comes back with a heartbeat, so this is how long a cancelled probe lives on at most. */
const HEARTBEAT_MS = 500;

/**
 * One check: load, probe, record. A failed check is an answer; what throws here is our own fault, is retried
 * by policy and never counts against the target.
 */
export async function checkTarget(
  deps: CheckTargetDeps,
  input: CheckTargetInput,
): Promise<CheckTargetAnswer> {
  const beat = setInterval(() => heartbeat(), HEARTBEAT_MS);
  try {
    const { targetId, schedule, slot, kind } = input;
    const found = await lookAt(deps, { targetId, version: schedule.version }, cancellationSignal());
    if (found.kind !== 'looked') return found;
    const result: CheckResult = { ...found.outcome, scheduledAt: slot, kind };
    deps.onChecked?.(result);
    return await record(deps, input, result);
  } finally {
    clearInterval(beat);
  }
}

async function record(
  deps: CheckTargetDeps,
  input: CheckTargetInput,
  result: CheckResult,
): Promise<CheckTargetAnswer> {
  const fence = input.besideWatch ? 'beside' : 'instead';
  const recorded = await deps.recorder.record(decidedInRow(deps.clock, input, result, fence));
  if (recorded === null) return { kind: 'checked', result, recorded: null };
  if (recorded.kind === 'unknown') throw targetUnknown(input.targetId);
  if (recorded.kind === 'fenced') throw new Error('unreachable: only the rows of a watch are fenced');
  if (recorded.kind !== 'recorded') return recorded;
  const { stored, decided, failureThreshold } = recorded;
  const decision = decided === null ? null : { state: decided.state, failureThreshold };
  return { kind: 'checked', result: stored, recorded: decision };
}
