import type { SilenceRepository } from '../db/repositories/silence.ts';
import { GroupCommit } from '../db/groupCommit.ts';
import type { Clock } from '../domain/clock.ts';
import type { HeartbeatJudgement } from '../domain/heartbeat.ts';
import { abortable } from '../net/abortable.ts';
import { Patience } from './patience.ts';

interface HeartbeatJudgeDeps {
  readonly silence: Pick<SilenceRepository, 'judgeAll' | 'judgements'>;
  readonly clock: Clock;
  /** Told of what is wrong on our side. */
  readonly onFault: (error: unknown, machineId: string) => void;
}

/** A workflow task waits for the answer, and a worker has only four of them. */
const ANSWER_WITHIN_MS = 300;
/** For so long after Postgres did not answer nobody waits for it. */
const FAULT_REMEMBERED_MS = 5_000;
const MAX_GROUP = 1_000;
const MAX_WAITING = 10_000;

/**
 * Judges the silence of machines for their workflows: who asks for one lets Postgres decide about all, and those who
 * ask meanwhile share the next look.
 */
export class HeartbeatJudge {
  private readonly deps: HeartbeatJudgeDeps;
  private readonly looks: GroupCommit<string, HeartbeatJudgement>;
  private readonly patience: Patience;
  private failedAt: number | null = null;

  constructor(deps: HeartbeatJudgeDeps) {
    this.deps = deps;
    this.patience = new Patience(deps.clock);
    this.looks = new GroupCommit<string, HeartbeatJudgement>({
      commit: (machineIds) => this.look(machineIds),
      weigh: () => 1,
      maxWeight: MAX_GROUP,
      maxInFlight: 1,
      maxWaitingWeight: MAX_WAITING,
    });
  }

  /** Never throws, and answers within some 300 ms. */
  async judge(machineId: string): Promise<HeartbeatJudgement> {
    if (this.isFaultRemembered()) return { kind: 'unavailable' };
    try {
      return await abortable(this.looks.add(machineId), AbortSignal.timeout(ANSWER_WITHIN_MS));
    } catch (error) {
      this.failedAt = this.deps.clock.now();
      this.deps.onFault(error, machineId);
      return { kind: 'unavailable' };
    }
  }

  /** A machine without any row must not be ended: this may be an empty or a wrong database. */
  private async look(machineIds: readonly string[]): Promise<HeartbeatJudgement[]> {
    await this.deps.silence.judgeAll();
    const judgements = await this.deps.silence.judgements(machineIds);
    return machineIds.map((id) => this.patient(judgements.get(id) ?? { kind: 'unavailable' }));
  }

  private patient(judgement: HeartbeatJudgement): HeartbeatJudgement {
    const patience = this.patience.next();
    const canWait = judgement.kind === 'known' || judgement.kind === 'ingestAway';
    return canWait && patience > 1 ? { ...judgement, patience } : judgement;
  }

  /** Not for longer, should the clock be set back. */
  private isFaultRemembered(): boolean {
    if (this.failedAt === null) return false;
    const elapsedMs = this.deps.clock.now() - this.failedAt;
    return elapsedMs >= 0 && elapsedMs < FAULT_REMEMBERED_MS;
  }
}
