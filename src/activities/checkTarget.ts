import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { CheckToRecord } from '../db/repositories/checkToRecord.ts';
import type { Target } from '../db/repositories/httpTargetRow.ts';
import type { CheckResult, ProbeOutcome } from '../domain/check.ts';
import { decideCheck, nextCheckAt } from '../domain/targetState.ts';
import type { Clock } from '../domain/clock.ts';
import { abortable } from '../net/abortable.ts';
import type { AddressGuard } from '../net/addressGuard.ts';
import type { CheckTargetAnswer, CheckTargetInput } from './contracts.ts';
import { probe, type ProbeRequest } from './probe.ts';
import type { Recorder } from './recorder.ts';
import type { TargetCache } from './targetCache.ts';
import { targetUnknown } from './targetUnknown.ts';

export interface CheckTargetDeps {
  readonly targets: TargetCache;
  readonly recorder: Pick<Recorder, 'record'>;
  readonly guard: AddressGuard;
  readonly clock: Clock;
  /** Told of what is wrong on our side. */
  readonly onFault: (error: unknown, targetId: string) => void;
}

/** Cancellation comes back with a heartbeat, so this is how long a cancelled probe lives on at most. */
const HEARTBEAT_MS = 500;
/** How long Postgres may take to say what to check. */
const LOAD_LIMIT_MS = 3_000;

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
    const found = await lookAt(deps, input, cancellationSignal());
    if (found.kind !== 'looked') return found;
    return await record(deps, input, { ...found.outcome, scheduledAt: input.slot, kind: input.kind });
  } finally {
    clearInterval(beat);
  }
}

type Look =
  | { readonly kind: 'looked'; readonly outcome: ProbeOutcome }
  | { readonly kind: 'superseded'; readonly version: number }
  | { readonly kind: 'deleted' };

async function lookAt(deps: CheckTargetDeps, input: CheckTargetInput, signal: AbortSignal): Promise<Look> {
  const startedAt = deps.clock.now();
  let request: ProbeRequest;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LOAD_LIMIT_MS)]);
    const loaded = await abortable(deps.targets.load(input.targetId, input.schedule.version), limit);
    if (loaded.kind === 'unknown') throw targetUnknown(input.targetId);
    if (loaded.kind !== 'loaded') return loaded;
    request = probeRequest(loaded.target, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ApplicationFailure) throw error;
    deps.onFault(error, input.targetId);
    return { kind: 'looked', outcome: notLoaded(startedAt, deps.clock.now() - startedAt) };
  }
  return { kind: 'looked', outcome: await probe(request, deps) };
}

function probeRequest(target: Target, signal: AbortSignal): ProbeRequest {
  return {
    url: target.url,
    method: target.method,
    headers: target.headers ?? {},
    body: target.body,
    timeoutMs: target.timeoutSeconds * 1_000,
    followRedirects: target.followRedirects,
    verifyTls: target.verifyTls,
    acceptedStatusCodes: target.acceptedStatusCodes,
    signal,
  };
}

/** Without its URL a target cannot be checked: our fault, and said so. Why, is in the worker's log. */
function notLoaded(startedAt: number, totalMs: number): ProbeOutcome {
  return {
    startedAt,
    failureClass: 'monitor',
    errorMessage: "The target's configuration could not be read from the database",
    statusCode: null,
    timings: { dnsMs: null, tcpMs: null, tlsMs: null, firstByteMs: null, totalMs },
    certificateExpiresAt: null,
  };
}

async function record(
  deps: CheckTargetDeps,
  input: CheckTargetInput,
  result: CheckResult,
): Promise<CheckTargetAnswer> {
  const recorded = await deps.recorder.record(checkToRecord(deps.clock, input, result));
  if (recorded === null) return { kind: 'checked', result, recorded: null };
  if (recorded.kind === 'unknown') throw targetUnknown(input.targetId);
  if (recorded.kind !== 'recorded') return recorded;
  const { stored, decided, failureThreshold } = recorded;
  const decision = decided === null ? null : { state: decided.state, failureThreshold };
  return { kind: 'checked', result: stored, recorded: decision };
}

/** The same reducer as the workflow's, on the stored check. */
function checkToRecord(clock: Clock, input: CheckTargetInput, result: CheckResult): CheckToRecord {
  const { targetId, schedule, slot } = input;
  return {
    targetId,
    result,
    version: schedule.version,
    decide: (stored, known) => {
      const thresholds = { ...schedule, failureThreshold: known.failureThreshold };
      const state = decideCheck(known.state, input.state, stored, thresholds);
      return { state, nextCheckAt: nextCheckAt(targetId, state, schedule, slot, clock.now()) };
    },
  };
}
