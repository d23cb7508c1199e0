import type { FailureClass, ProbeOutcome } from './check.ts';

/** What a check finds when our own network is away; all other classes prove that the other end has answered. */
const UNREACHED: ReadonlySet<FailureClass | null> = new Set([
  'dns',
  'connect',
  'timeout',
  'monitor',
] as const);

/** The last outcome of a target counts for so long: twice the default interval. */
const RECENT_MS = 10 * 60_000;
/** References that are silent beside targets that answer are believed for so long. */
const DOUBTED_MS = 5 * 60_000;
/** What a target answers so shortly after the references fell silent may have been on its way before. */
const ON_ITS_WAY_MS = 5_000;
/** A loss is told of when so many targets have met it, or when it has lasted for so long. */
const TELL_AT_TARGETS = 3;
const TELL_AFTER_MS = 10_000;

/** @returns whether the check may have failed because our own network is away */
export function isUnreached({ failureClass }: Pick<ProbeOutcome, 'failureClass'>): boolean {
  return UNREACHED.has(failureClass);
}

/** The same look as a fault of ours, which counts for nothing. @param references what did not answer either */
export function withoutNetwork(outcome: ProbeOutcome, references: readonly string[]): ProbeOutcome {
  if (outcome.failureClass === 'monitor') return outcome;
  const [shown, more] = [references.slice(0, 3).join(', '), references.length - 3];
  const named = more > 0 ? `${shown} and ${more} more` : shown;
  return {
    ...outcome,
    failureClass: 'monitor',
    errorMessage: `The monitoring server has lost its network: none of its reference addresses answers (${named})`,
  };
}

interface Loss {
  readonly since: number;
  believedUntil: number;
  isTold: boolean;
}

/**
 * Whether a worker has lost its own network: all of its references are silent, and of the targets that it has
 * looked at since, most cannot be reached. What targets answered before the silence says nothing about it, so the
 * first check that fails is recognised as well. All times in UTC milliseconds.
 *
 * References may be wrong, or be gone for good. They are when targets answer beside their silence: then a loss is
 * believed for five minutes, and none after it until one of them has answered. Where nothing at all has answered
 * since the process began, there is no limit: it has been started without a network.
 */
export class NetworkEvidence {
  private silentSince: number | null = null;
  private haveAnswered = false;
  private isDoubtful = false;
  private isSpent = false;
  private loss: Loss | null = null;
  /** When the network was last back, after a loss or a silence in which nothing was looked at. */
  private backAt = Number.NEGATIVE_INFINITY;
  /** Targets seen during this silence, the oldest outcome first. */
  private readonly recent = new Map<string, { readonly at: number; readonly isReached: boolean }>();
  private unreachedCount = 0;

  /** Whether the references are silent; then they are to be asked often. */
  get isSilent(): boolean {
    return this.silentSince !== null;
  }

  /** Whether targets answer although the references do not. */
  get isDoubted(): boolean {
    return this.isDoubtful;
  }

  /** Since when the network is lost, as others are to be told; null while it is not. */
  get lostAt(): number | null {
    return this.loss?.isTold === true ? this.loss.since : null;
  }

  /** At least one reference has answered. */
  referencesAnswered(now: number): void {
    const wasAway = this.loss !== null || (this.silentSince !== null && this.recent.size === 0);
    if (wasAway) this.backAt = now;
    this.haveAnswered = true;
    this.silentSince = null;
    this.isDoubtful = false;
    this.isSpent = false;
    this.loss = null;
    this.recent.clear();
    this.unreachedCount = 0;
  }

  /** All references were asked and none has answered. */
  referencesSilent(now: number): void {
    this.silentSince ??= now;
    this.reconsider(now);
  }

  /** A target has answered, whatever it said. */
  reached(targetId: string, now: number): void {
    if (this.silentSince === null) return;
    this.note(targetId, true, now);
    if (!this.haveAnswered || now > this.silentSince + ON_ITS_WAY_MS) this.isDoubtful = true;
    if (!this.haveAnswered && this.loss !== null) {
      this.loss.believedUntil = Math.min(this.loss.believedUntil, now + DOUBTED_MS);
    }
    this.reconsider(now);
  }

  /**
   * A target could not be reached; the references have been asked since, or are known to be silent.
   *
   * @param startedAt when the probe began: one that ran while the network was away is excused as well
   * @returns whether that is our own fault
   */
  unreached(targetId: string, startedAt: number, now: number): boolean {
    if (this.silentSince !== null) {
      this.note(targetId, false, now);
      this.reconsider(now);
    }
    return this.loss !== null || startedAt < this.backAt;
  }

  private note(targetId: string, isReached: boolean, now: number): void {
    this.forget(targetId);
    this.recent.set(targetId, { at: now, isReached });
    if (!isReached) this.unreachedCount += 1;
  }

  private forget(targetId: string): void {
    if (this.recent.get(targetId)?.isReached === false) this.unreachedCount -= 1;
    this.recent.delete(targetId);
  }

  private reconsider(now: number): void {
    for (const [targetId, { at }] of this.recent) {
      if (at > now - RECENT_MS) break;
      this.forget(targetId);
    }
    if (this.loss !== null && now >= this.loss.believedUntil) {
      this.loss = null;
      this.isSpent = true;
    }
    if (this.recent.size > 0 && this.unreachedCount * 2 <= this.recent.size) this.loss = null;
    else if (this.recent.size > 0 && !this.isSpent) this.loss ??= this.lossFrom(now);
    if (this.loss === null) return;
    this.loss.isTold ||= this.unreachedCount >= TELL_AT_TARGETS || now >= this.loss.since + TELL_AFTER_MS;
  }

  private lossFrom(since: number): Loss {
    const believedUntil = this.isDoubtful ? since + DOUBTED_MS : Number.POSITIVE_INFINITY;
    return { since, believedUntil, isTold: false };
  }
}
