import type { ProbeOutcome } from '../domain/check.ts';
import type { Clock } from '../domain/clock.ts';
import { isUnreached, NetworkEvidence, withoutNetwork } from '../domain/ownNetwork.ts';
import { abortable } from '../net/abortable.ts';
import type { References } from '../net/references.ts';

interface OwnNetworkDeps {
  readonly references: Pick<References, 'names' | 'ask'>;
  readonly clock: Clock;
  /** Told when the network of this worker is lost (since when, UTC milliseconds) and when it is back (null). */
  readonly onChange: (lostAt: number | null) => void;
  /** Told once a silence of the references during which targets go on to answer. */
  readonly onDoubt: () => void;
}

/** How often references are asked while they answer, and while they do not. */
const ASK_EVERY_MS = 30_000;
const ASK_SILENT_EVERY_MS = 5_000;

/**
 * The guard of a worker process against the loss of its own network, through which every outcome of a probe goes.
 * It begins to ask the references when it is made.
 */
export class OwnNetwork {
  private readonly deps: OwnNetworkDeps;
  private readonly evidence = new NetworkEvidence();
  private next: NodeJS.Timeout | undefined;
  private hasStopped = false;
  private toldLostAt: number | null = null;
  private hasToldDoubt = false;

  constructor(deps: OwnNetworkDeps) {
    this.deps = deps;
    void this.ask();
  }

  /** Since when this worker has no network, UTC milliseconds; null while it has one. */
  get lostAt(): number | null {
    return this.evidence.lostAt;
  }

  /**
   * What an outcome is with the network taken into account. One of a target that answered is handed on at once; for
   * one that could not be reached the references are asked, which takes some 2 s at most, and no time at all while
   * they are known to be silent.
   *
   * @returns the same outcome, or one of class `monitor` where the fault is our own
   * @throws the signal's reason when it is aborted meanwhile
   */
  async judge(targetId: string, outcome: ProbeOutcome, signal: AbortSignal): Promise<ProbeOutcome> {
    const { clock, references } = this.deps;
    if (!isUnreached(outcome)) {
      this.evidence.reached(targetId, clock.now());
      this.tell();
      return outcome;
    }
    if (!this.evidence.isSilent) await abortable(this.ask(), signal);
    const isOurs = this.evidence.unreached(targetId, outcome.startedAt, clock.now());
    this.tell();
    return isOurs ? withoutNetwork(outcome, references.names) : outcome;
  }

  /** Asks no more. */
  stop(): void {
    this.hasStopped = true;
    clearTimeout(this.next);
  }

  private async ask(): Promise<void> {
    const answer = await this.deps.references.ask();
    const now = this.deps.clock.now();
    if (answer === 'answered') this.evidence.referencesAnswered(now);
    if (answer === 'silent') this.evidence.referencesSilent(now);
    this.tell();
    clearTimeout(this.next);
    if (this.hasStopped) return;
    const inMs = this.evidence.isSilent ? ASK_SILENT_EVERY_MS : ASK_EVERY_MS;
    this.next = setTimeout(() => void this.ask(), inMs).unref();
  }

  private tell(): void {
    const { lostAt, isDoubted } = this.evidence;
    if (lostAt !== this.toldLostAt) {
      this.toldLostAt = lostAt;
      this.deps.onChange(lostAt);
    }
    if (isDoubted && !this.hasToldDoubt) this.deps.onDoubt();
    this.hasToldDoubt = isDoubted;
  }
}
