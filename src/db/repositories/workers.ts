import { sql, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { timestamp } from '../sqlTime.ts';

/** A worker process, as others see it. */
export interface WorkerIdentity {
  /** New with each start. */
  readonly id: string;
  /** For people: `worker-2`. */
  readonly name: string;
  /** Where its pid means something. */
  readonly host: string;
  readonly pid: number;
}

/** What a worker has to know of the others. */
export interface WorkerBalance {
  /** Workers whose leases hold, this one included. */
  readonly living: number;
  /** Watches of all targets. */
  readonly watches: number;
  readonly mine: number;
  /** Watches without a worker. */
  readonly free: number;
}

/** The leases of the workers. When one's row goes, what it watched is free. */
export class WorkerRepository {
  private readonly em: EntityManager;
  private readonly networkLostAt: () => number | null;

  /** @param networkLostAt since when the worker that renews its lease here has no network, UTC milliseconds */
  constructor(em: EntityManager, networkLostAt: () => number | null = () => null) {
    this.em = em;
    this.networkLostAt = networkLostAt;
  }

  /**
   * Begins or renews a lease, by the database's clock. Each renewal says whether the worker has its network, so that
   * a row that was lost meanwhile does not come back without it.
   *
   * @returns false when there was none to renew: at the start, or since others took this worker for dead
   */
  async renew(worker: WorkerIdentity, leaseMs: number): Promise<boolean> {
    const { rows } = await sql<{ was_there: boolean }>`
      insert into workers (id, name, host, pid, lease_until, network_lost_at)
      values (${worker.id}, ${worker.name}, ${worker.host}, ${worker.pid},
        now() + ${leaseMs} * interval '1 ms', ${this.lostAt()})
      on conflict (id) do update set lease_until = excluded.lease_until, network_lost_at = excluded.network_lost_at
      returning xmax <> 0 as was_there
    `.execute(this.em.getKysely<object>());
    return rows[0]?.was_there === true;
  }

  /** Says at once, and not only with the next renewal, that a worker has lost its network, or has it back. */
  async tellNetwork(id: string): Promise<void> {
    await sql`update workers set network_lost_at = ${this.lostAt()} where id = ${id}`.execute(
      this.em.getKysely<object>(),
    );
  }

  /** Other workers that began on the same host. */
  async neighbours({ id, host }: WorkerIdentity): Promise<{ id: string; pid: number }[]> {
    const { rows } = await sql<{ id: string; pid: number }>`
      select id, pid from workers where host = ${host} and id <> ${id}
    `.execute(this.em.getKysely<object>());
    return rows;
  }

  /** Sets free what these workers watched. */
  async remove(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await sql`delete from workers where id = any(${ids}::uuid[])`.execute(this.em.getKysely<object>());
  }

  /** Sets free what workers watched whose leases have run out. */
  async removeExpired(): Promise<void> {
    await sql`delete from workers where lease_until < now()`.execute(this.em.getKysely<object>());
  }

  async balance(id: string): Promise<WorkerBalance> {
    const { rows } = await sql<WorkerBalance>`
      select (select count(*)::int from workers where lease_until >= now()) as living,
        count(*)::int as watches,
        (count(*) filter (where worker_id = ${id}))::int as mine,
        (count(*) filter (where worker_id is null))::int as free
      from watches
    `.execute(this.em.getKysely<object>());
    const [row] = rows;
    if (row === undefined) throw new Error('unreachable: an aggregate has a row');
    return row;
  }

  private lostAt(): RawBuilder<unknown> {
    const lostAt = this.networkLostAt();
    return lostAt === null ? sql`null::timestamptz` : timestamp(lostAt);
  }
}
