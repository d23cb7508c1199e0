import { abortable, sleepUnless } from '../net/abortable.ts';
import type { Answer } from './answer.ts';
import { backoffMs, obeyedMs, slowRetryMs } from './backoff.ts';
import { Blockage } from './blockage.ts';
import type { BatchBuffer, Waiting } from './buffer.ts';
import type { Complaints } from './complaints.ts';
import type { Log } from './log.ts';
import type { Send } from './sender.ts';

/** Between two batches of a backlog: 24 hours of them take some 18 minutes, and the server has others to serve. */
const PACE_MS = 250;

interface DeliveryDependencies {
  readonly buffer: BatchBuffer;
  readonly send: Send;
  readonly server: string;
  readonly complaints: Complaints;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
}

type PutOff = Extract<Answer, { kind: 'later' }>;

/** Hands the waiting batches to the server, oldest first, and past one that it alone cannot take. */
export class Delivery {
  readonly #deps: DeliveryDependencies;
  /** In a row. */
  #failures = 0;
  #refused = 0;
  readonly #blockage = new Blockage();

  constructor(deps: DeliveryDependencies) {
    this.#deps = deps;
  }

  /** Goes on until the signal is aborted, through every failure. */
  async run(signal: AbortSignal): Promise<void> {
    const { buffer } = this.#deps;
    while (!signal.aborted) {
      const added = buffer.nextAdded();
      const next = this.#next();
      if (next === null) await abortable(added, signal).catch(() => undefined);
      else await sleepUnless(signal, await this.#deliver(next, signal));
    }
  }

  /** Sends all that waits, and stops at the first failure. @returns whether the server took all of it */
  async runOnce(signal: AbortSignal): Promise<boolean> {
    for (let oldest = this.#deps.buffer.oldest(); oldest !== null; oldest = this.#deps.buffer.oldest()) {
      const waitMs = await this.#deliver(oldest, signal);
      if (this.#failures > 0 || !(await sleepUnless(signal, waitMs))) return false;
    }
    return this.#refused === 0;
  }

  #next(): Waiting | null {
    const { buffer } = this.#deps;
    return this.#blockage.wantsLater ? buffer.newest() : buffer.oldest();
  }

  /** @returns how long to wait before the next batch, in milliseconds */
  async #deliver(waiting: Waiting, signal: AbortSignal): Promise<number> {
    const { buffer, send } = this.#deps;
    const body = await buffer.read(waiting);
    if (body === null) return 0;
    let answer: Answer;
    try {
      answer = await send(waiting.id, body, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      return 0; // We are to stop; the batch stays.
    }
    return this.#settle(waiting, answer);
  }

  async #settle(waiting: Waiting, answer: Answer): Promise<number> {
    const { buffer, log, complaints } = this.#deps;
    const isOldest = waiting.sequence === buffer.oldest()?.sequence;
    if (answer.kind === 'later') return this.#keep(waiting, { answer, isOldest });
    await buffer.remove(waiting);
    if (isOldest) {
      this.#failures = 0;
      this.#blockage.clear();
      complaints.settle(this.#subject, `answers again; batches waiting: ${buffer.length}`);
    } else this.#blockage.laterAnswered(answer.kind === 'taken');
    if (answer.kind === 'refused') {
      this.#refused += 1;
      log.error(`${this.#subject}: batch ${waiting.id} is refused for good and dropped: ${answer.reason}`);
    } else {
      const how = answer.duplicate ? 'was there already' : 'is taken';
      log.detail(`batch ${waiting.id} ${how}; ${buffer.length} waiting`);
    }
    return buffer.length === 0 ? 0 : this.#pace();
  }

  /** Tries it again later, or lets the others go on without it. */
  async #keep(
    waiting: Waiting,
    { answer, isOldest }: { answer: PutOff; isOldest: boolean },
  ): Promise<number> {
    const { buffer, complaints } = this.#deps;
    this.#failures += 1;
    complaints.about(this.#subject, `${answer.problem}; batches wait until it takes them`);
    if (this.#blocksOthers(waiting, { answer, isOldest })) {
      this.#failures = 0;
      await buffer.setAside(waiting, `keeps others waiting (${answer.problem})`);
      return this.#pace();
    }
    return this.#waitAfter(answer);
  }

  #blocksOthers(
    { sequence }: Waiting,
    { answer: { suspect }, isOldest }: { answer: PutOff; isOldest: boolean },
  ): boolean {
    const { buffer, now } = this.#deps;
    if (!isOldest) this.#blockage.laterAnswered(false);
    else if (suspect === null) this.#blockage.clear();
    else return this.#blockage.failed({ sequence, suspect, now: now(), isFull: buffer.isFull });
    return false;
  }

  #pace(): number {
    return PACE_MS * (1 + this.#deps.random());
  }

  #waitAfter({ retryAfterMs, needsSomebody }: PutOff): number {
    const { random } = this.#deps;
    if (retryAfterMs !== null) return Math.max(obeyedMs(retryAfterMs, random), backoffMs(1, random));
    return needsSomebody ? slowRetryMs(random) : backoffMs(this.#failures, random);
  }

  get #subject(): string {
    return this.#deps.server;
  }
}
