import { setTimeout as delay } from 'node:timers/promises';
import type { ClaimedWatch, WatchClaim, WatchRepository } from '../../db/repositories/watches.ts';
import { scheduleOf, stateOf } from '../../db/workflowView.ts';
import { dueSlot, nextSlot } from '../../domain/schedule.ts';
import { nextCheckAt } from '../../domain/targetState.ts';
import { watchNews, type WatchEnd } from '../../domain/watching.ts';
import type { HandBack } from './handBack.ts';
import { LeftBehind, OFFER_AGAIN_MS } from './leftBehind.ts';
import { offerBacklog, serveSlot, type ServeSlotDeps, type SlotOutcome } from './serveSlot.ts';
import { TimerWheel } from './timerWheel.ts';
import { Watch, type WatchStart } from './watch.ts';

/** Why a process no longer has a watch: it has ended, another worker has it, or it was given away. */
export type WatchGone = WatchEnd | 'lost' | 'released';

export interface WatchHostDeps extends ServeSlotDeps {
  readonly watches: Pick<WatchRepository, 'end'>;
  readonly handBack: HandBack;
  /** Told of each watch that this process no longer has. */
  readonly onGone?: (why: WatchGone) => void;
}

/** With Temporal away, an answer is offered again this often. */
const ANSWER_AGAIN_MS = 5_000;
/** A watch that is not stopped waits no longer for an answer to be taken: its next slot comes. */
const ANSWER_PATIENCE_MS = 1_000;
/** The signal that follows a change usually is there first: the workflow then asks for nothing more than this end. */
const CHANGE_GRACE_MS = 300;
/** A process that stood still for this long may have lost its watches to others. */
const STALL_MS = 4_000;
/** Probes that are running when the worker stops may end in this time. */
const STOP_PROBES_MS = 1_500;
/** An adopted watch tells Temporal soon who has it; not all of them at once. */
const ADOPTED_HEARTBEAT_WITHIN_MS = 4 * 60_000;

/**
 * All watches of this process, on one timer wheel. Each serves its slots one after the other; what ends one is
 * handed back to its workflow. While Temporal is away, targets go on being checked.
 */
export class WatchHost {
  private readonly deps: WatchHostDeps;
  private readonly wheel: TimerWheel;
  private readonly leftBehind: LeftBehind;
  private readonly watches = new Map<number, Watch>();
  private hasStopped = false;
  /** What has to be known before anything is probed after a stall. */
  private settled: Promise<void> = Promise.resolve();
  /** Asks the database what is still this worker's; see `WatchUpkeep`. */
  onStall: () => Promise<void> = () => Promise.resolve();

  constructor(deps: WatchHostDeps) {
    this.deps = deps;
    this.leftBehind = new LeftBehind(deps);
    this.wheel = new TimerWheel({
      clock: deps.clock,
      onStall: (ms) => {
        if (ms >= STALL_MS) this.settled = this.onStall();
      },
    });
  }

  get count(): number {
    return this.watches.size;
  }

  get isStopped(): boolean {
    return this.hasStopped;
  }

  all(): readonly Watch[] {
    return [...this.watches.values()];
  }

  get(targetKey: number): Watch | undefined {
    return this.watches.get(targetKey);
  }

  /** Takes a watch on; one of the same target with an older claim is dropped. */
  begin(start: WatchStart): void {
    if (this.hasStopped) return;
    const earlier = this.watches.get(start.targetKey);
    if (earlier !== undefined) this.drop(earlier);
    const watch = new Watch(start, this.deps.clock.now());
    this.watches.set(start.targetKey, watch);
    this.plan(watch);
  }

  /** Goes on with a watch that another worker began. */
  adopt(claimed: ClaimedWatch): void {
    const { watched, targetKey, claim, taskToken, status, firstSlot, until } = claimed;
    const now = this.deps.clock.now();
    if (this.hasStopped) return;
    if (watched === null) {
      void this.endDeleted(claimed);
      return;
    }
    const { target } = watched;
    const schedule = scheduleOf(watched);
    const state = stateOf(target);
    this.deps.targets.remember(target);
    const slot = target.nextCheckAt?.getTime() ?? nextSlot(target.id, schedule.intervalSeconds * 1_000, now);
    const heartbeatAt = now + Math.random() * ADOPTED_HEARTBEAT_WITHIN_MS;
    this.begin({
      ...{ targetId: target.id, targetKey, claim, taskToken, host: hostOfUrl(target.url) },
      ...{ schedule, status, state, firstSlot, slot, until, heartbeatAt },
    });
    const begun = this.watches.get(targetKey);
    if (begun === undefined) return;
    // Its worker may have died between a check that was news and the answer.
    const news = watchNews(begun.began, state, now);
    if (claimed.version !== target.version) this.endNow(begun, 'superseded');
    else if (news !== null) this.wake(begun, () => this.goOn(begun, { end: news }, false));
  }

  /** The target has another version, or was deleted: what is running counts for nothing. */
  changed(targetKey: number): void {
    const watch = this.watches.get(targetKey);
    if (watch === undefined || watch.isStopped) return;
    watch.stop();
    this.wheel.at(this.deps.clock.now() + CHANGE_GRACE_MS, () => this.endNow(watch, 'superseded'));
  }

  /** Ends a watch, whatever it is doing. */
  endNow(watch: Watch, end: WatchEnd): void {
    watch.stop();
    if (!this.has(watch)) return;
    watch.busy = this.keepGoing(watch, () => this.end(watch, end));
  }

  /** Forgets a watch that is no longer this worker's; what it saw and nobody has is stored. */
  drop(watch: Watch, why: WatchGone = 'lost'): void {
    watch.stop();
    this.leftBehind.take(watch);
    if (!this.has(watch)) return;
    this.watches.delete(watch.start.targetKey);
    this.deps.onGone?.(why);
  }

  /**
   * Lets go of a watch between two slots, so that another worker can go on with it.
   *
   * @returns null where it is busy, or has something that is nowhere else
   */
  letGo(watch: Watch): WatchClaim | null {
    if (watch.busy !== null || watch.isStopped) return null;
    if (watch.backlog.length > 0 || watch.undelivered !== null) return null;
    this.drop(watch, 'released');
    return watch.start;
  }

  /** No slot is served any more; probes that are running end first, and what Postgres refused goes back. */
  async stop(): Promise<void> {
    this.hasStopped = true;
    this.wheel.stop();
    const busy = this.all().flatMap(({ busy: work }) => (work === null ? [] : [work]));
    await Promise.race([Promise.all(busy), delay(STOP_PROBES_MS)]);
    const withBacklog = this.all().filter(({ backlog }) => backlog.length > 0);
    await Promise.all(withBacklog.map((watch) => this.deliver(watch, 'stopping')));
    for (const watch of this.all()) {
      watch.stop();
      this.leftBehind.take(watch);
    }
    await this.leftBehind.stop();
  }

  private has(watch: Watch): boolean {
    return this.watches.get(watch.start.targetKey) === watch;
  }

  private plan(watch: Watch): void {
    if (watch.isStopped || this.hasStopped) return;
    const now = this.deps.clock.now();
    const isOver = watch.slot >= watch.start.until && watch.undelivered === null;
    const work = isOver ? () => this.goOn(watch, { end: 'window' }, false) : () => this.serve(watch);
    const at = isOver ? now : Math.min(watch.slot, now + offerAgainInMs(watch));
    watch.next = this.wheel.at(at, () => this.wake(watch, work));
  }

  private wake(watch: Watch, work: () => Promise<void>): void {
    watch.next?.cancel();
    watch.next = null;
    watch.busy = this.keepGoing(watch, work);
  }

  /** A fault of ours in one watch is told, and tried again with the next slot. */
  private async keepGoing(watch: Watch, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error === watch.signal.reason) return;
      this.deps.onFault(error, watch.start.targetId);
      this.planNext(watch);
    } finally {
      watch.busy = null;
    }
  }

  private async serve(watch: Watch): Promise<void> {
    await this.settled;
    if (watch.isStopped) return;
    const now = this.deps.clock.now();
    if (now < watch.slot) return this.goOn(watch, await offerBacklog(this.deps, watch), false);
    if (this.moveOverdueSlot(watch, now)) {
      this.plan(watch);
      return;
    }
    await this.goOn(watch, await serveSlot(this.deps, watch), true);
  }

  private async goOn(watch: Watch, outcome: SlotOutcome, served: boolean): Promise<void> {
    if (watch.isStopped) {
      if (!this.has(watch)) this.leftBehind.take(watch); // Postgres refused it meanwhile
      return;
    }
    if (outcome === 'lost') {
      this.drop(watch);
      return;
    }
    const end = outcome === 'goOn' ? watch.undelivered : outcome.end;
    if (end !== null && (await this.end(watch, end))) return;
    if (served) this.planNext(watch);
    else this.plan(watch);
  }

  /** Missed slots are skipped, and overdue targets spread: once, or one that is always late would never be checked. */
  private moveOverdueSlot(watch: Watch, now: number): boolean {
    if (watch.slotWasMoved) return false;
    const { targetId, schedule } = watch.start;
    const slot = dueSlot(targetId, schedule.intervalSeconds * 1_000, watch.slot, now);
    watch.slotWasMoved = slot !== watch.slot;
    watch.slot = slot;
    return watch.slotWasMoved;
  }

  private planNext(watch: Watch): void {
    const { targetId, schedule } = watch.start;
    const now = this.deps.clock.now();
    if (now >= watch.slot) watch.slot = nextCheckAt(targetId, watch.state, schedule, watch.slot, now);
    watch.slotWasMoved = false;
    this.plan(watch);
  }

  /** Where this fails, the row is met again by whoever claims it next. */
  private async endDeleted({ targetKey, claim, taskToken }: ClaimedWatch): Promise<void> {
    try {
      await this.deps.handBack.deliverDeleted(taskToken);
      await this.deps.watches.end({ targetKey, claim });
    } catch (error) {
      this.deps.onFault(error, `key ${targetKey}`);
    }
  }

  /**
   * While Temporal is away a target that can be checked is checked, and the answer offered again beside that, also
   * when the news is none any more by then.
   *
   * @returns whether the watch is over
   */
  private async end(watch: Watch, end: WatchEnd): Promise<boolean> {
    watch.undelivered = end;
    watch.delivery ??= this.deliver(watch, end).finally(() => (watch.delivery = null));
    const isOver = await Promise.race([watch.delivery, delay(ANSWER_PATIENCE_MS, false, { ref: false })]);
    if (!isOver && watch.isStopped && !this.hasStopped) {
      this.wheel.at(this.deps.clock.now() + ANSWER_AGAIN_MS, () => this.endNow(watch, end));
    }
    return isOver;
  }

  private async deliver(watch: Watch, end: WatchEnd): Promise<boolean> {
    if (!(await this.deps.handBack.deliver(watch, end))) return false;
    this.drop(watch, end);
    await this.endRow(watch);
    return true;
  }

  /** With Postgres away the row stays, until the workflow's next check or whoever claims it finds it pointless. */
  private async endRow({ start }: Watch): Promise<void> {
    try {
      await this.deps.watches.end(start);
    } catch (error) {
      this.deps.onFault(error, start.targetId);
    }
  }
}

/** When a watch is to be served before its slot: with something that Temporal or Postgres has not taken. */
function offerAgainInMs({ undelivered, backlogSince }: Watch): number {
  if (undelivered !== null) return ANSWER_AGAIN_MS;
  return backlogSince === null ? Number.POSITIVE_INFINITY : OFFER_AGAIN_MS;
}

/** @returns what the targets of one machine have in common; the whole text where it is no URL */
export function hostOfUrl(url: string): string {
  return URL.parse(url)?.host ?? url;
}
