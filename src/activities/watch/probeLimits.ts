import pLimit, { type LimitFunction } from 'p-limit';

interface ProbeLimitOptions {
  /** Probes at once, of all targets. */
  readonly overall: number;
  /** Probes at once of the targets on one host: one that hangs must not hold up the others. */
  readonly perHost: number;
}

/** Caps probes: what comes too much waits for its turn, first come first served. */
export class ProbeLimits {
  private readonly perHost: number;
  private readonly overall: LimitFunction;
  private readonly hosts = new Map<string, LimitFunction>();

  constructor({ overall, perHost }: ProbeLimitOptions) {
    this.perHost = perHost;
    this.overall = pLimit(overall);
  }

  /** Probes that wait for their turn. */
  get waitingCount(): number {
    return [...this.hosts.values()].reduce(
      (sum, { pendingCount }) => sum + pendingCount,
      this.overall.pendingCount,
    );
  }

  async run<T>(host: string, probe: () => Promise<T>): Promise<T> {
    const limit = this.hosts.get(host) ?? pLimit(this.perHost);
    this.hosts.set(host, limit);
    try {
      return await limit(() => this.overall(probe));
    } finally {
      if (limit.activeCount + limit.pendingCount === 0) this.hosts.delete(host);
    }
  }
}
