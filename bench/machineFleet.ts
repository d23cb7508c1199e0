import type { Client } from 'pg';
import { setIntervalUnlessBusy } from './setIntervalUnlessBusy.ts';
import type { Stack } from '../tests/support/stack.ts';

/** How many machines one request of ingest brings. */
const BATCH = 100;

export interface FleetOptions {
  readonly count: number;
  /** Each machine reports once in so many seconds. */
  readonly reportSeconds: number;
  /** By the real ingest, or by an update of the rows that it would write. */
  readonly throughIngest: boolean;
}

interface Member {
  readonly id: string;
  readonly hostname: string;
}

/** Machines that report evenly over time, unless they are told to be silent. */
export class MachineFleet {
  private readonly stack: Stack;
  private readonly database: Client;
  private readonly options: FleetOptions;
  private members: readonly Member[] = [];
  private silent = new Set<string>();
  private tick = 0;
  private stopReporting: (() => void) | null = null;
  /** Requests of ingest that were not answered with 200 or 202. */
  refused = 0;

  constructor(stack: Stack, database: Client, options: FleetOptions) {
    this.stack = stack;
    this.database = database;
    this.options = options;
  }

  /** Makes the machines, and lets them report from now on. */
  async begin(): Promise<void> {
    const hostnames = Array.from({ length: this.options.count }, (_, index) => `machine-${index + 1}`);
    if (this.options.throughIngest) {
      for (let from = 0; from < hostnames.length; from += BATCH) {
        await this.post(hostnames.slice(from, from + BATCH));
      }
    } else {
      await this.database.query(
        `with m as (
           insert into machines (id, client_id, hostname)
           select gen_random_uuid(), (select client_id from api_keys limit 1), h from unnest($1::text[]) h returning key)
         insert into machine_states (machine_key, status, last_seen_at, last_state_change_at)
         select key, 'up', now(), now() from m`,
        [hostnames],
      );
    }
    const { rows } = await this.database.query<Member>(
      'select id, hostname from machines where hostname = any($1) order by key',
      [hostnames],
    );
    if (rows.length !== hostnames.length) throw new Error(`only ${rows.length} machines were registered`);
    this.members = rows;
    this.resume();
  }

  /** Those that still report. */
  get living(): readonly Member[] {
    return this.members.filter(({ id }) => !this.silent.has(id));
  }

  /** So many of those that report fall silent. @returns their ids */
  silence(count: number): string[] {
    const ids = this.living.slice(0, count).map(({ id }) => id);
    for (const id of ids) this.silent.add(id);
    return ids;
  }

  /** The same after one last report of all of them, so that they are overdue at the same moment. */
  async silenceTogether(count: number): Promise<string[]> {
    const last = this.living.slice(0, count);
    await this.report(last);
    const ids = last.map(({ id }) => id);
    for (const id of ids) this.silent.add(id);
    return ids;
  }

  /** Nobody can report; who is silent stays so. */
  pause(): void {
    this.stopReporting?.();
    this.stopReporting = null;
  }

  resume(): void {
    this.stopReporting ??= setIntervalUnlessBusy(1_000, () => this.reportSome());
  }

  private async reportSome(): Promise<void> {
    const { reportSeconds } = this.options;
    this.tick += 1;
    const due = this.members.filter((_, index) => index % reportSeconds === this.tick % reportSeconds);
    await this.report(due.filter(({ id }) => !this.silent.has(id)));
  }

  private async report(machines: readonly Member[]): Promise<void> {
    if (this.options.throughIngest) {
      for (let from = 0; from < machines.length; from += BATCH) {
        await this.post(machines.slice(from, from + BATCH).map(({ hostname }) => hostname));
      }
      return;
    }
    await this.database.query(
      `update machine_states s set last_seen_at = now() from machines m
       where m.key = s.machine_key and m.id = any($1::uuid[]) and s.status = 'up'`,
      [machines.map(({ id }) => id)],
    );
  }

  private async post(hostnames: readonly string[]): Promise<void> {
    if (hostnames.length === 0) return;
    const sentAt = new Date().toISOString();
    const batches = hostnames.map((hostname) => ({
      ...{ ingest_id: crypto.randomUUID(), machine: { hostname, os: 'linux' }, sent_at: sentAt },
      metrics: [{ name: 'uptime_seconds', type: 'numeric', value: this.tick }],
    }));
    try {
      const { ok } = await fetch(`${this.stack.apiUrl}/ingest/batch`, {
        method: 'POST',
        headers: { 'X-API-Key': this.stack.apiKey(), 'Content-Type': 'application/json' },
        body: JSON.stringify({ batches }),
        signal: AbortSignal.timeout(10_000),
      });
      if (!ok) this.refused += 1;
    } catch {
      this.refused += 1;
    }
  }
}
