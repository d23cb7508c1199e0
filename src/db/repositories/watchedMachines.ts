import { sql, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { MachineStatus, WatchedMachine } from '../../domain/heartbeat.ts';

/** A machine as its workflow may know it, and how long its last change of status is ago, by Postgres' clock. */
export interface ListedMachine extends WatchedMachine {
  readonly changedMsAgo: number | null;
}

/** What the sweep asks before it ends a workflow. */
interface MachineExistence {
  readonly id: string;
  readonly isDeleted: boolean;
}

/** How long a client's machines may be silent, of the settings `c`; a client without settings has the default. */
export const THRESHOLD = sql`coalesce(c.heartbeat_threshold_minutes, 5) * interval '1 minute'`;

/**
 * The columns of a machine `m` with its state `s` and its client's settings `c`. A row that still says "paused" of a
 * machine that is not is one that has not reported since it was resumed.
 */
export const WATCHED_MACHINE = sql`
  m.id, m.key, m.client_id, m.version, m.hostname, m.is_paused,
  extract(epoch from ${THRESHOLD})::int as threshold_seconds,
  case when m.is_paused then 'paused' when s.status is null or s.status = 'paused' then 'unknown' else s.status end
    as status,
  coalesce(s.episode, 0) as episode,
  (extract(epoch from s.last_seen_at) * 1000)::float8 as last_seen_ms,
  (extract(epoch from s.last_state_change_at) * 1000)::float8 as last_state_change_ms`;

export interface WatchedMachineRow {
  id: string;
  key: number;
  client_id: string;
  version: number;
  hostname: string;
  is_paused: boolean;
  threshold_seconds: number;
  status: MachineStatus;
  episode: number;
  last_seen_ms: number | null;
  last_state_change_ms: number | null;
}

export function toWatchedMachine(row: WatchedMachineRow): WatchedMachine {
  return {
    machineId: row.id,
    clientId: row.client_id,
    schedule: {
      version: row.version,
      hostname: row.hostname,
      isActive: !row.is_paused,
      thresholdSeconds: row.threshold_seconds,
    },
    state: {
      status: row.status,
      episode: row.episode,
      lastSeenAt: wholeMs(row.last_seen_ms),
      lastStateChangeAt: wholeMs(row.last_state_change_ms),
    },
  };
}

/** The machines of all clients as their workflows see them; people's questions go to the API's repositories. */
export class WatchedMachineRepository {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /** @returns null for a machine that is deleted or never was */
  async find(id: string): Promise<WatchedMachine | null> {
    const [found] = await this.findAll([id]);
    return found ?? null;
  }

  /** Those of these machines that live. */
  async findAll(ids: readonly string[]): Promise<WatchedMachine[]> {
    const rows = await this.select(sql`m.id = any(${ids}::uuid[])`, sql``);
    return rows.map(toWatchedMachine);
  }

  /** Every living machine, a page at a time in order of key; `after` is the last key of the page before. */
  async page(after: number, limit: number): Promise<{ machines: ListedMachine[]; lastKey: number | null }> {
    const rows = await this.select(sql`m.key > ${after}`, sql`order by m.key limit ${limit}`);
    const machines = rows.map((row) => ({ ...toWatchedMachine(row), changedMsAgo: row.changed_ms_ago }));
    return { machines, lastKey: rows.at(-1)?.key ?? null };
  }

  /** The rows of these ids as they are now, deleted ones included; ids without a row are absent. */
  async existence(ids: readonly string[]): Promise<MachineExistence[]> {
    const { rows } = await sql<{ id: string; is_deleted: boolean }>`
      select id, unregistered_at is not null as is_deleted from machines where id = any(${ids}::uuid[])
    `.execute(this.em.getKysely<object>());
    return rows.map(({ id, is_deleted: isDeleted }) => ({ id, isDeleted }));
  }

  private async select(condition: RawBuilder<unknown>, order: RawBuilder<unknown>) {
    const { rows } = await sql<WatchedMachineRow & { changed_ms_ago: number | null }>`
      select ${WATCHED_MACHINE}, (extract(epoch from now() - s.last_state_change_at) * 1000)::float8 as changed_ms_ago
      from machines m
      left join machine_states s on s.machine_key = m.key
      left join client_settings c on c.client_id = m.client_id
      where m.unregistered_at is null and ${condition} ${order}
    `.execute(this.em.getKysely<object>());
    return rows;
  }
}

function wholeMs(at: number | null): number | null {
  return at === null ? null : Math.round(at);
}
