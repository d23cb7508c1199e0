import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { MachineStatus } from '../../domain/heartbeat.ts';
import { inTransaction } from '../transaction.ts';
import { syncAlerts } from './alerting/syncAlerts.ts';
import type { Caller } from './clients.ts';
import { decodeCursor } from './cursor.ts';
import { pageOf, type Page } from './page.ts';
import {
  toMachine,
  toMachineOverview,
  type Machine,
  type MachineOverview,
  type MachineOverviewRow,
  type MachineRow,
} from './machineRow.ts';
import { MACHINE_COUNTS } from './machineCounts.ts';

interface MachineFilter {
  /** Part of the hostname, case ignored. */
  readonly q?: string | undefined;
  readonly status?: MachineStatus | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

const SELECT_MACHINE = sql`
  select m.*, s.status, s.episode, s.last_seen_at, s.last_state_change_at
  from machines m join machine_states s on s.machine_key = m.key
  where m.unregistered_at is null`;

/** As text, since a Date would lose the microseconds that tell two machines apart. */
const REGISTERED_AT_EXACTLY = sql`
  to_char(m.registered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as registered_at_exactly`;

/** The registered machines of one client; there is no way to ask for another's. */
export class MachineRepository {
  private readonly em: EntityManager;
  private readonly clientId: string;

  constructor(em: EntityManager, caller: Pick<Caller, 'clientId'>) {
    this.em = em;
    this.clientId = caller.clientId;
  }

  /**
   * @returns a page in order of registration, and the cursor of the next one
   * @throws InvalidCursorError
   */
  async list(filter: MachineFilter): Promise<Page<MachineOverview>> {
    const rows = await this.overviews(sql`${this.conditions(filter)}
      order by m.registered_at, m.id limit ${filter.limit + 1}`);
    return pageOf(rows, {
      limit: filter.limit,
      toItem: toMachineOverview,
      keyOf: (row) => [row.registered_at_exactly, row.id],
    });
  }

  async find(id: string): Promise<MachineOverview | null> {
    const [row] = await this.overviews(this.isOwn(id));
    return row === undefined ? null : toMachineOverview(row);
  }

  /** Whether there is such a machine; cheaper than `find`. */
  async exists(id: string): Promise<boolean> {
    return (await this.findIn(this.em.getKysely<object>(), id, sql``)) !== null;
  }

  /**
   * Pauses or resumes a machine. It is unknown after a pause, until its agent posts again; a pause is a transition like
   * any other.
   *
   * @returns the machine before and after, the same where nothing changed; null when it does not exist
   */
  setPaused(id: string, isPaused: boolean): Promise<{ before: Machine; after: Machine } | null> {
    return inTransaction(this.em, async (db) => {
      const before = await this.findIn(db, id, sql`for no key update of m, s`);
      if (before === null) return null;
      if (before.isPaused === isPaused) return { before, after: before };
      await sql`
        update machines set is_paused = ${isPaused}, version = version + 1 where id = ${id}
      `.execute(db);
      await changeStatus(db, id, isPaused ? 'paused' : 'unknown');
      await syncMachine(db, id);
      const after = await this.findIn(db, id, sql``);
      return after === null ? null : { before, after };
    });
  }

  /** Soft: its samples stay until they are too old, the hostname is free at once. @returns whether it existed. */
  delete(id: string): Promise<boolean> {
    return inTransaction(this.em, async (db) => {
      const { numAffectedRows = 0n } = await sql`
        update machines set unregistered_at = now(), version = version + 1
        where id = ${id} and client_id = ${this.clientId} and unregistered_at is null
      `.execute(db);
      const isDeleted = numAffectedRows > 0n;
      if (isDeleted) await syncMachine(db, id);
      return isDeleted;
    });
  }

  /** The counts are made of the rows of the page alone. */
  private async overviews(conditions: RawBuilder<unknown>): Promise<MachineOverviewRow[]> {
    const { rows } = await sql<MachineOverviewRow>`
      select m.*, c.*, ${REGISTERED_AT_EXACTLY}
      from (${SELECT_MACHINE} and ${conditions}) m cross join lateral (${MACHINE_COUNTS}) c
      order by m.registered_at, m.id
    `.execute(this.em.getKysely<object>());
    return rows;
  }

  private async findIn(db: Kysely<object>, id: string, lock: RawBuilder<unknown>): Promise<Machine | null> {
    const { rows } = await sql<MachineRow>`${SELECT_MACHINE} and ${this.isOwn(id)} ${lock}`.execute(db);
    const [row] = rows;
    return row === undefined ? null : toMachine(row);
  }

  private isOwn(id: string): RawBuilder<unknown> {
    return sql`m.client_id = ${this.clientId} and m.id = ${id}`;
  }

  private conditions(filter: MachineFilter): RawBuilder<unknown> {
    const all: RawBuilder<unknown>[] = [sql`m.client_id = ${this.clientId}`];
    if (filter.q !== undefined) {
      all.push(sql`m.hostname ilike ${`%${filter.q.replace(/[\\%_]/g, '\\$&')}%`}`);
    }
    if (filter.status === 'paused') all.push(sql`m.is_paused`);
    else if (filter.status === 'unknown')
      all.push(sql`(not m.is_paused and s.status in ('unknown', 'paused'))`);
    else if (filter.status !== undefined) all.push(sql`(not m.is_paused and s.status = ${filter.status})`);
    if (filter.cursor !== undefined) {
      const [registeredAt, id] = decodeCursor(filter.cursor, ['time', 'uuid']);
      all.push(sql`(m.registered_at, m.id) > (${registeredAt}::timestamptz, ${id}::uuid)`);
    }
    return sql.join(all, sql` and `);
  }
}

/** A machine that is paused or deleted has no alerts, nor have its metrics. */
async function syncMachine(db: Kysely<object>, id: string): Promise<void> {
  const { rows } = await sql<{ key: number; metric_keys: number[] }>`
    select m.key, array(select i.key from metric_instances i where i.machine_key = m.key) as metric_keys
    from machines m where m.id = ${id}
  `.execute(db);
  for (const { key, metric_keys: metricKeys } of rows) {
    await syncAlerts(db, 'heartbeat', [key]);
    await syncAlerts(db, 'metric', metricKeys);
  }
}

async function changeStatus(db: Kysely<object>, id: string, status: MachineStatus): Promise<void> {
  await sql`
    with changed as (
      select s.* from machine_states s join machines m on m.key = s.machine_key where m.id = ${id}
    ), told as (
      insert into machine_transitions (machine_key, episode, from_status, to_status, last_seen_at)
      select machine_key, episode, status, ${status}, last_seen_at from changed
    )
    update machine_states s set status = ${status}, last_state_change_at = now()
    from changed c where s.machine_key = c.machine_key
  `.execute(db);
}
