import type { CarriedMachine, JudgementTrouble } from './carriedMachine.ts';
import {
  silentSince,
  type HeartbeatJudgement,
  type HeartbeatSchedule,
  type HeartbeatState,
  type MachineNews,
} from './heartbeat.ts';
import { describeMachine } from './heartbeatWords.ts';

/** What the workflow of a machine has to do next. */
type NextHeartbeatStep =
  /** Ask Postgres, which decides. */
  | { readonly kind: 'judge' }
  /** null: until a message comes. */
  | { readonly kind: 'wait'; readonly until: number | null }
  | { readonly kind: 'end' };

/** Workers judge all machines each second and tell those that are down: who was not told by then asks. */
const TOLD_WITHIN_MS = 3_000;
/** What a single stumble of Postgres is given; its workers do not ask it for 5 s after one. */
const FIRST_RETRY_MS = 6_000;
const SECOND_RETRY_MS = 30_000;
/** After an outage of ingest every machine gets the smaller one of its threshold and this: who asks in time is not late. */
const LONGEST_RETRY_MS = 120_000;
/** Retries take between so much and all of their time, so that machines do not ask together. */
const LEAST_SHARE = 0.8;

/**
 * The rules of a machine's workflow without the workflow. Postgres decides whether the machine is silent; here is when
 * to ask, and what is known. All times are UTC milliseconds and come from outside.
 */
export class HeartbeatRun {
  private schedule: HeartbeatSchedule;
  private state: HeartbeatState;
  private askAt: number | null;
  private trouble: JudgementTrouble | null;
  private unanswered: number;
  private hasEnded = false;

  constructor(carried: CarriedMachine) {
    this.schedule = carried.schedule;
    this.state = carried.state;
    this.askAt = carried.askAt;
    this.trouble = carried.trouble;
    this.unanswered = carried.unanswered;
  }

  /** The start of a machine's first run, or of one that has to be started anew from what Postgres knows. */
  static begin({ schedule, state }: MachineNews, now: number): HeartbeatRun {
    const run = new HeartbeatRun({
      ...{ format: 1, schedule, state },
      ...{ askAt: null, trouble: null, unanswered: 0 },
    });
    run.planAfterNews(now);
    return run;
  }

  get isRetired(): boolean {
    return this.hasEnded;
  }

  get currentSchedule(): HeartbeatSchedule {
    return this.schedule;
  }

  get currentState(): HeartbeatState {
    return this.state;
  }

  get nextAskAt(): number | null {
    return this.askAt;
  }

  next(now: number): NextHeartbeatStep {
    if (this.hasEnded) return { kind: 'end' };
    if (this.askAt !== null && this.askAt <= now) return { kind: 'judge' };
    return { kind: 'wait', until: this.askAt };
  }

  /**
   * A message brings what Postgres knew when it was sent. Messages are lost, come twice and come out of order: what is
   * older than what is known is not believed, and Postgres is asked (which may have been restored from a backup).
   */
  told({ schedule, state }: MachineNews, now: number): void {
    if (this.hasEnded) return;
    if (schedule.version < this.schedule.version) {
      this.askAt = now;
      return;
    }
    const isNewVersion = schedule.version > this.schedule.version;
    const isNews = isNewVersion || isNewer(state, this.state);
    this.schedule = schedule;
    if (!isNews) return;
    this.state = state;
    this.planAfterNews(now);
  }

  /**
   * Postgres' answer. It was asked after every message so far was committed, so it is right whatever it says, also where
   * it was restored from an older backup.
   *
   * @param spread 0 to 1, another one for each call
   */
  judged(judgement: HeartbeatJudgement, now: number, spread: number): void {
    switch (judgement.kind) {
      case 'known':
        this.schedule = judgement.schedule;
        this.state = judgement.state;
        this.trouble = null;
        this.unanswered = 0;
        this.askAt = this.planFrom(judgement.remainingMs * (judgement.patience ?? 1), now);
        return;
      case 'ingestAway':
        this.trouble = 'ingestAway';
        this.unanswered = 0;
        this.askAt = now + spreadOut(this.longestRetryMs * (judgement.patience ?? 1), spread);
        return;
      case 'unavailable':
        this.trouble = 'unavailable';
        this.unanswered += 1;
        this.askAt = now + spreadOut(this.retryMs, spread);
        return;
      case 'deleted':
        this.retire();
    }
  }

  retire(): void {
    this.hasEnded = true;
    this.askAt = null;
  }

  words(): string {
    const words = describeMachine({
      ...{ schedule: this.schedule, state: this.state, askAt: this.askAt, trouble: this.trouble },
    });
    return this.hasEnded ? `deleted, ${words}` : words;
  }

  carried(): CarriedMachine {
    return {
      ...{ format: 1, schedule: this.schedule, state: this.state },
      ...{ askAt: this.askAt, trouble: this.trouble, unanswered: this.unanswered },
    };
  }

  /**
   * Postgres' clock may be another one than Temporal's: where they differ the workflow asks at once, or a threshold from
   * now, and is told how much time remains.
   */
  private planAfterNews(now: number): void {
    const thresholdMs = this.schedule.thresholdSeconds * 1_000;
    const byTheirClock = (silentSince(this.state) ?? now) + thresholdMs - now;
    this.askAt = this.planFrom(Math.min(byTheirClock, thresholdMs), now);
  }

  /** @param remainingMs until the machine's deadline; 0 or less when only the proof is missing */
  private planFrom(remainingMs: number, now: number): number | null {
    if (this.hasEnded || !this.schedule.isActive || silentSince(this.state) === null) return null;
    return now + Math.max(0, remainingMs) + TOLD_WITHIN_MS;
  }

  private get retryMs(): number {
    if (this.unanswered === 1) return FIRST_RETRY_MS;
    const retryMs = SECOND_RETRY_MS * 2 ** Math.min(this.unanswered - 2, 10);
    return Math.min(retryMs, this.longestRetryMs);
  }

  private get longestRetryMs(): number {
    return Math.min(this.schedule.thresholdSeconds * 1_000, LONGEST_RETRY_MS);
  }
}

/** Of the same version of the machine: episodes only ever grow; within one, the later change counts; without a change, the later report. */
function isNewer(state: HeartbeatState, known: HeartbeatState): boolean {
  if (state.episode !== known.episode) return state.episode > known.episode;
  const [changedAt, knownChangeAt] = [state.lastStateChangeAt ?? 0, known.lastStateChangeAt ?? 0];
  if (changedAt !== knownChangeAt) return changedAt > knownChangeAt;
  return (state.lastSeenAt ?? 0) > (known.lastSeenAt ?? 0);
}

function spreadOut(ms: number, spread: number): number {
  return Math.round(ms * (LEAST_SHARE + (1 - LEAST_SHARE) * spread));
}
