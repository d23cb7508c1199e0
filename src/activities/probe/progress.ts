import type { FailureClass, ProbeOutcome } from '../../domain/check.ts';

/** How far a check has come: filled in by its stages, read for the outcome, also when it ends early. */
export class Progress {
  /** What is being waited for, as a timeout tells it: "connected, waiting for the first byte". */
  stage = 'not started';
  redirects = 0;
  statusCode: number | null = null;
  dnsMs: number | null = null;
  tcpMs: number | null = null;
  tlsMs: number | null = null;
  firstByteMs: number | null = null;
  certificateExpiresAt: number | null = null;

  readonly #startedAt: number;
  readonly #startedTick = performance.now();

  /** @param startedAt UTC milliseconds. */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  /** Timings and status are those of the last hop: the one that the verdict is about. */
  beginRedirect(): void {
    this.redirects += 1;
    this.statusCode = null;
    this.dnsMs = null;
    this.tcpMs = null;
    this.tlsMs = null;
    this.firstByteMs = null;
  }

  /** The certificate that ends first counts: without it the way to the answer breaks. */
  noteCertificate(expiresAt: number): void {
    this.certificateExpiresAt = Math.min(this.certificateExpiresAt ?? Infinity, expiresAt);
  }

  outcome(failure: { readonly failureClass: FailureClass; readonly message: string } | null): ProbeOutcome {
    return {
      startedAt: this.#startedAt,
      failureClass: failure?.failureClass ?? null,
      errorMessage: failure?.message ?? null,
      statusCode: this.statusCode,
      timings: {
        dnsMs: this.dnsMs,
        tcpMs: this.tcpMs,
        tlsMs: this.tlsMs,
        firstByteMs: this.firstByteMs,
        totalMs: elapsedMs(this.#startedTick),
      },
      certificateExpiresAt: this.certificateExpiresAt,
    };
  }
}

/** Whole milliseconds since a reading of `performance.now()`. */
export function elapsedMs(sinceTick: number): number {
  return Math.round(performance.now() - sinceTick);
}
