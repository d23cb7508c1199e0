import type { AcceptedStatusCodes } from '../../domain/check.ts';
import type { AddressGuard } from '../../net/addressGuard.ts';
import type { ResolveHost } from '../../net/resolve.ts';

/** One look at a target, as its owner configured it. */
export interface ProbeRequest {
  /** http or https; a user name and password in it are sent as Basic authentication. */
  readonly url: string;
  readonly method: string;
  /** Names in any case. They win over what the probe would send itself. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** For everything together: DNS, connecting, TLS, headers, body and all redirects. */
  readonly timeoutMs: number;
  /** When false, the first answer is the one that is judged. */
  readonly followRedirects: boolean;
  /** When false, any certificate is good enough; when it ends is still told. */
  readonly verifyTls: boolean;
  readonly acceptedStatusCodes: AcceptedStatusCodes;
  /** Cancels the check at any stage. */
  readonly signal: AbortSignal;
}

export interface ProbeDeps {
  readonly guard: AddressGuard;
  /** UTC milliseconds; durations are measured on the monotonic clock instead. */
  readonly clock: { now(): number };
  /** How names become addresses; the machine's own way unless given. */
  readonly resolve?: ResolveHost;
}

/** One request on one connection: the check itself, or one of the redirects that it follows. */
export interface Hop {
  readonly url: URL;
  readonly method: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string | null;
}
