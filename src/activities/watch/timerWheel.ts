import type { Clock } from '../../domain/clock.ts';

/** Something that is going to happen, unless it is cancelled. */
export interface Ticket {
  readonly cancel: () => void;
}

interface WheelOptions {
  readonly clock: Clock;
  /** Told when this process did not run for this long although something was due: it was stopped, or is overloaded. */
  readonly onStall?: (ms: number) => void;
}

/** Everything that is due within so long of each other happens together. */
const TICK_MS = 20;
const LONGEST_SLEEP_TICKS = 50;

/**
 * One timer for thousands of appointments by the wall clock: they wait in buckets of 20 ms, and making or cancelling
 * one costs the same however many there are. Nothing happens early; what is overdue happens at once, in order.
 */
export class TimerWheel {
  private readonly options: WheelOptions;
  private readonly buckets = new Map<number, Set<() => void>>();
  private served: number;
  private timer: NodeJS.Timeout | null = null;
  private wakesAt = Number.POSITIVE_INFINITY;
  private isStopped = false;

  constructor(options: WheelOptions) {
    this.options = options;
    this.served = this.tickOf(options.clock.now()) - 1;
  }

  /** @param at UTC milliseconds */
  at(at: number, run: () => void): Ticket {
    this.followClock();
    const tick = Math.max(Math.ceil(at / TICK_MS), this.served + 1);
    const bucket = this.buckets.get(tick) ?? new Set();
    this.buckets.set(tick, bucket);
    // One function may be asked for twice: each appointment is its own.
    const entry = (): void => run();
    bucket.add(entry);
    this.wakeBy(tick);
    return { cancel: () => bucket.delete(entry) };
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer ?? undefined);
    this.buckets.clear();
  }

  private wakeBy(tick: number): void {
    if (this.isStopped || this.wakesAt <= tick) return;
    clearTimeout(this.timer ?? undefined);
    const now = this.options.clock.now();
    this.wakesAt = Math.min(tick, this.tickOf(now) + LONGEST_SLEEP_TICKS);
    const wakesAt = this.wakesAt;
    this.timer = setTimeout(() => this.turn(wakesAt), Math.max(0, wakesAt * TICK_MS - now));
  }

  private turn(expected: number): void {
    this.wakesAt = Number.POSITIVE_INFINITY;
    const tick = this.followClock();
    const stalledMs = (tick - expected) * TICK_MS;
    if (stalledMs > 0) this.options.onStall?.(stalledMs);
    const buckets = this.dueUntil(tick);
    // First: what these ask for at once belongs to the next tick.
    this.served = tick;
    for (const due of buckets) {
      const bucket = this.buckets.get(due);
      this.buckets.delete(due);
      for (const run of bucket ?? []) run();
    }
    if (this.buckets.size > 0) this.wakeBy(this.nextBucket());
  }

  /** A clock that was set back shows times again that were served before. */
  private followClock(): number {
    const tick = this.tickOf(this.options.clock.now());
    if (tick < this.served) this.served = tick - 1;
    return tick;
  }

  private dueUntil(tick: number): number[] {
    const due: number[] = [];
    // After a long sleep there are fewer buckets than ticks.
    if (tick - this.served > this.buckets.size) {
      due.push(...[...this.buckets.keys()].filter((key) => key <= tick).sort((a, b) => a - b));
    } else {
      for (let key = this.served + 1; key <= tick; key += 1) if (this.buckets.has(key)) due.push(key);
    }
    return due;
  }

  private nextBucket(): number {
    for (let ahead = 1; ahead <= LONGEST_SLEEP_TICKS; ahead += 1) {
      if (this.buckets.has(this.served + ahead)) return this.served + ahead;
    }
    return this.served + LONGEST_SLEEP_TICKS;
  }

  private tickOf(at: number): number {
    return Math.floor(at / TICK_MS);
  }
}
