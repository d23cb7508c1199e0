import { ApplicationFailure } from '@temporalio/common';
import type { Target } from '../db/repositories/httpTargetRow.ts';
import type { ProbeOutcome } from '../domain/check.ts';
import type { Clock } from '../domain/clock.ts';
import { abortable } from '../net/abortable.ts';
import type { AddressGuard } from '../net/addressGuard.ts';
import type { OwnNetwork } from './ownNetwork.ts';
import { probe, type ProbeRequest } from './probe.ts';
import type { TargetCache } from './targetCache.ts';
import { targetUnknown } from './targetUnknown.ts';

export interface LookDeps {
  readonly targets: TargetCache;
  readonly guard: AddressGuard;
  readonly clock: Clock;
  /** Told of what is wrong on our side. */
  readonly onFault: (error: unknown, targetId: string) => void;
  /** Told of each probe; the second ends it, whatever it found. */
  readonly probes?: { readonly began: () => void; readonly ended: () => void };
  /** Knows when nothing can be reached from here; null where nobody has said what to ask. */
  readonly ownNetwork?: Pick<OwnNetwork, 'judge'> | null;
}

/** How long Postgres may take to say what to check. */
const LOAD_LIMIT_MS = 3_000;

type Look =
  | { readonly kind: 'looked'; readonly outcome: ProbeOutcome }
  | { readonly kind: 'superseded'; readonly version: number }
  | { readonly kind: 'deleted' };

/**
 * One look at a target as it is configured in this version: load, probe, and judge whether the fault is our own.
 *
 * @throws TargetUnknown when it has no row at all, and the signal's reason
 */
export async function lookAt(
  deps: LookDeps,
  { targetId, version }: { readonly targetId: string; readonly version: number },
  signal: AbortSignal,
): Promise<Look> {
  const startedAt = deps.clock.now();
  let request: ProbeRequest;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LOAD_LIMIT_MS)]);
    const loaded = await abortable(deps.targets.load(targetId, version), limit);
    if (loaded.kind === 'unknown') throw targetUnknown(targetId);
    if (loaded.kind !== 'loaded') return loaded;
    request = probeRequest(loaded.target, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ApplicationFailure) throw error;
    deps.onFault(error, targetId);
    return { kind: 'looked', outcome: notLoaded(startedAt, deps.clock.now() - startedAt) };
  }
  const outcome = await probed(request, deps);
  if (!deps.ownNetwork) return { kind: 'looked', outcome };
  return { kind: 'looked', outcome: await deps.ownNetwork.judge(targetId, outcome, signal) };
}

async function probed(request: ProbeRequest, deps: LookDeps): Promise<ProbeOutcome> {
  deps.probes?.began();
  try {
    return await probe(request, deps);
  } finally {
    deps.probes?.ended();
  }
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
