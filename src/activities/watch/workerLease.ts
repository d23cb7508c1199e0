import type { WatchClaim, WatchRepository } from '../../db/repositories/watches.ts';
import type { WorkerBalance, WorkerIdentity, WorkerRepository } from '../../db/repositories/workers.ts';
import type { WatchHost } from './watchHost.ts';

interface WorkerLeaseDeps {
  readonly host: Pick<WatchHost, 'isStopped' | 'all' | 'adopt' | 'letGo'>;
  readonly worker: WorkerIdentity;
  readonly workers: WorkerRepository;
  readonly watches: Pick<WatchRepository, 'claimFree' | 'release'>;
  /** Called when others had taken this worker for dead. */
  readonly onLeaseLost: () => Promise<void>;
  /** Told how many watches of others this worker has taken on. */
  readonly onClaimed?: (count: number) => void;
}

export const RENEW_EVERY_MS = 3_000;
/** Three renewals may be lost. */
const LEASE_MS = 10_000;
/** The clock of this process alone: it goes on while it stands still, and nobody sets it. */
const monotonicNow = (): number => performance.now();
/** Watches are given away when there are this many more than one's share. */
const TOLERATED_SHARE = 1.1;
const TOLERATED_EXTRA = 5;
/** Watches that are claimed or released at a time. */
const BATCH = 1_000;

/**
 * This worker's part of the watches: it shows that it lives, sets free what dead workers had, takes its share
 * of what is free, and gives away what it has too much.
 */
export class WorkerLease {
  private readonly deps: WorkerLeaseDeps;
  private isFirst = true;
  private renewedAt = Number.NEGATIVE_INFINITY;
  /** Since when this worker has renewed its lease without a gap. */
  private heldSince = Number.POSITIVE_INFINITY;
  private running: Promise<void> | null = null;
  private next: Promise<void> | null = null;

  constructor(deps: WorkerLeaseDeps) {
    this.deps = deps;
  }

  /**
   * One round; asked for while one is under way, another follows it, however often it is asked for.
   *
   * @throws when Postgres does not take part
   */
  async round(): Promise<void> {
    if (this.running === null) {
      this.running = this.once().finally(() => (this.running = null));
      return this.running;
    }
    this.next ??= this.running
      .catch(() => undefined) // told to whoever asked for that one
      .then(() => {
        this.next = null;
        return this.round();
      });
    return this.next;
  }

  /** The last word of a worker that stops: others may have all of its watches. */
  async end(): Promise<void> {
    await this.deps.workers.remove([this.deps.worker.id]);
  }

  private async once(): Promise<void> {
    const { host, worker, workers } = this.deps;
    if (host.isStopped) return;
    const wasHeld = await workers.renew(worker, LEASE_MS);
    this.renewed(wasHeld);
    if (!wasHeld && !this.isFirst) await this.deps.onLeaseLost();
    this.isFirst = false;
    await workers.remove(await this.deadNeighbours());
    if (this.canJudgeOthers) await workers.removeExpired();
    const balance = await workers.balance(worker.id);
    const share = Math.ceil(balance.watches / Math.max(balance.living, 1));
    if (balance.free > 0 && balance.mine < share) await this.claim(share - balance.mine);
    else await this.giveAway(balance, share);
  }

  private renewed(wasHeld: boolean): void {
    const now = monotonicNow();
    if (!wasHeld || now - this.renewedAt > LEASE_MS) this.heldSince = now;
    this.renewedAt = now;
  }

  /**
   * After an outage of Postgres all leases have run out, and whoever is back first would take everything from
   * workers that live, with the results that wait in them: they are given the time of a lease to come back.
   */
  private get canJudgeOthers(): boolean {
    return monotonicNow() - this.heldSince >= LEASE_MS;
  }

  /** Processes of this host that are gone need not wait for their leases to run out. */
  private async deadNeighbours(): Promise<string[]> {
    const { worker, workers } = this.deps;
    const neighbours = await workers.neighbours(worker);
    return neighbours.filter(({ pid }) => pid === worker.pid || !isAlive(pid)).map(({ id }) => id);
  }

  private async claim(wanted: number): Promise<void> {
    const { host, watches, worker } = this.deps;
    for (let open = wanted; open > 0; open -= BATCH) {
      const limit = Math.min(open, BATCH);
      const claimed = await watches.claimFree(worker.id, limit);
      if (claimed.length > 0) this.deps.onClaimed?.(claimed.length);
      for (const watch of claimed) host.adopt(watch);
      if (claimed.length < limit) return;
    }
  }

  private async giveAway({ living, mine }: WorkerBalance, share: number): Promise<void> {
    if (living < 2 || mine <= share * TOLERATED_SHARE + TOLERATED_EXTRA) return;
    const { host, watches, worker } = this.deps;
    const given: WatchClaim[] = [];
    for (const watch of host.all()) {
      if (given.length >= Math.min(mine - share, BATCH)) break;
      const claim = host.letGo(watch);
      if (claim !== null) given.push(claim);
    }
    await watches.release(worker.id, given);
  }
}

/** Signal 0 asks whether there is such a process; one of another user counts as alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
