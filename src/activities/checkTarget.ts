import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { CheckToRecord } from '../db/repositories/checks.ts';
import type { Target } from '../db/repositories/httpTargetRow.ts';
import type { CheckResult, ProbeOutcome } from '../domain/check.ts';
import { nextCheckAt, reduceCheck } from '../domain/targetState.ts';
import type { Clock } from '../domain/clock.ts';
import type { AddressGuard } from '../net/addressGuard.ts';
import type { CheckTargetAnswer, CheckTargetInput } from './contracts.ts';
import { probe, type ProbeRequest } from './probe.ts';
import type { Recorder } from './recorder.ts';
import type { TargetCache } from './targetCache.ts';

export interface CheckTargetDeps {
  readonly targets: TargetCache;
  readonly recorder: Pick<Recorder, 'record'>;
  readonly guard: AddressGuard;
  readonly clock: Clock;
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
    const found = await lookAt(deps, input, cancellationSignal());
    if (found.kind === 'superseded') return found;
    return await record(deps, input, { ...found.outcome, scheduledAt: input.slot, kind: input.kind });
  } finally {
    clearInterval(beat);
  }
}

type Look =
  | { readonly kind: 'looked'; readonly outcome: ProbeOutcome }
  | { readonly kind: 'superseded'; readonly version: number | null };

async function lookAt(deps: CheckTargetDeps, input: CheckTargetInput, signal: AbortSignal): Promise<Look> {
  const startedAt = deps.clock.now();
  let request: ProbeRequest;
  try {
    const loaded = await deps.targets.load(input.targetId, input.schedule.version);
    if (loaded.kind === 'superseded') return loaded;
    request = probeRequest(loaded.target, signal);
  } catch (error) {
    return { kind: 'looked', outcome: notLoaded(error, startedAt, deps.clock.now() - startedAt) };
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

/** Without its URL a target cannot be checked: our fault, and said so. */
function notLoaded(error: unknown, startedAt: number, totalMs: number): ProbeOutcome {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    startedAt,
    failureClass: 'monitor',
    errorMessage: `The target's configuration could not be read: ${reason}`.slice(0, 500),
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
  const recorded = await deps.recorder.record(checkToRecord(input, result));
  if (recorded === null) return { kind: 'checked', result, recorded: false, failureThreshold: null };
  if (recorded.kind === 'superseded') return recorded;
  const { stored, failureThreshold } = recorded;
  return { kind: 'checked', result: stored, recorded: true, failureThreshold };
}

/** The same reducer as the workflow's, on the stored check: the row and the workflow decide alike. */
function checkToRecord(input: CheckTargetInput, result: CheckResult): CheckToRecord {
  const { targetId, schedule, slot } = input;
  return {
    targetId,
    result,
    version: schedule.version,
    decide: (stored, failureThreshold) => {
      const { state } = reduceCheck(input.state, stored, { ...schedule, failureThreshold });
      return { state, nextCheckAt: nextCheckAt(targetId, state, schedule, slot) };
    },
  };
}
