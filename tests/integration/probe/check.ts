import type { ProbeOutcome } from '../../../src/domain/check.ts';
import { createAddressGuard } from '../../../src/net/addressGuard.ts';
import { probe, type ProbeDeps, type ProbeRequest } from '../../../src/activities/probe.ts';

/** Far enough away that only a check that hangs meets it. */
export const LONG_MS = 20_000;

export function buildRequest(overrides: Partial<ProbeRequest> & Pick<ProbeRequest, 'url'>): ProbeRequest {
  return {
    method: 'GET',
    headers: {},
    body: null,
    timeoutMs: LONG_MS,
    followRedirects: true,
    verifyTls: true,
    acceptedStatusCodes: null,
    signal: new AbortController().signal,
    ...overrides,
  };
}

export function buildDeps(overrides: Partial<ProbeDeps> = {}): ProbeDeps {
  return {
    guard: createAddressGuard({ blockPrivate: false }),
    clock: { now: () => 1_750_000_000_000 },
    ...overrides,
  };
}

/** One check of a URL, by default with nothing set but what a new target has. */
export function check(
  url: string,
  request: Partial<ProbeRequest> = {},
  deps: Partial<ProbeDeps> = {},
): Promise<ProbeOutcome> {
  return probe(buildRequest({ url, ...request }), buildDeps(deps));
}
