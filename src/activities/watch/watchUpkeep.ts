import pLimit from 'p-limit';
import type { WatchRepository } from '../../db/repositories/watches.ts';
import type { Clock } from '../../domain/clock.ts';
import type { WatchTokens } from './handBack.ts';
import type { Watch } from './watch.ts';
import type { WatchHost } from './watchHost.ts';

interface WatchUpkeepDeps {
  readonly host: WatchHost;
  readonly watches: Pick<WatchRepository, 'heldBy' | 'claimsOf' | 'release' | 'end'>;
  readonly tokens: Pick<WatchTokens, 'heartbeat'>;
  readonly clock: Clock;
  readonly workerId: string;
  readonly onFault: (error: unknown, targetId: string) => void;
}

/** At the most; some 10 minutes on average. Temporal gives an activity up after 15 without, and each costs it milliseconds. */
export const HEARTBEAT_EVERY_MS = 11 * 60_000;
const HEARTBEATS_AT_ONCE = 4;

/** Keeps watches, database and Temporal of one mind about who watches what. */
export class WatchUpkeep {
  private readonly deps: WatchUpkeepDeps;
  private readonly turns = pLimit(HEARTBEATS_AT_ONCE);
  /** Rows of ours that nothing was known of here the last time. */
  private strangers = new Set<string>();

  constructor(deps: WatchUpkeepDeps) {
    this.deps = deps;
  }

  /** Tells Temporal of those watches whose time it is. */
  async heartbeat(): Promise<void> {
    const now = this.deps.clock.now();
    const due = this.deps.host.all().filter(({ heartbeatAt, isStopped }) => heartbeatAt <= now && !isStopped);
    await Promise.all(due.map((watch) => this.turns(() => this.beat(watch))));
  }

  private async beat(watch: Watch): Promise<void> {
    if (watch.isStopped) return;
    try {
      const answer = await this.deps.tokens.heartbeat(watch.start.taskToken);
      watch.heartbeatAt = this.deps.clock.now() + HEARTBEAT_EVERY_MS * (0.8 + 0.2 * Math.random());
      if (answer === 'cancelled') this.deps.host.endNow(watch, 'revoked');
      if (answer === 'stale') {
        this.deps.host.drop(watch);
        await this.deps.watches.end(watch.start);
      }
    } catch (error) {
      this.deps.onFault(error, watch.start.targetId); // and again with the next round
    }
  }

  /**
   * Asks the database what is this worker's: the backstop of lost notifications, and what a process that stood
   * still has to know before it goes on.
   *
   * @throws when Postgres does not say
   */
  async sync(): Promise<void> {
    const { host, workerId } = this.deps;
    const before = host.all();
    const held = new Map((await this.deps.watches.heldBy(workerId)).map((row) => [row.targetKey, row]));
    const missing = before.filter(({ start }) => held.get(start.targetKey)?.claim !== start.claim);
    const elsewhere = await this.deps.watches.claimsOf(missing.map(({ start }) => start.targetKey));
    for (const watch of missing) {
      if (watch.isStopped) continue;
      if (elsewhere.has(watch.start.targetKey)) host.drop(watch);
      else host.endNow(watch, 'revoked');
    }
    for (const { start } of before) {
      const row = held.get(start.targetKey);
      if (row?.claim === start.claim && (row.isDeleted || row.version !== start.schedule.version)) {
        host.changed(start.targetKey);
      }
    }
    const unknownHere = [...held.values()].filter(({ targetKey }) => host.get(targetKey) === undefined);
    const lost = unknownHere.filter(({ claim }) => this.strangers.has(claim));
    this.strangers = new Set(unknownHere.map(({ claim }) => claim));
    await this.deps.watches.release(workerId, lost);
  }
}
