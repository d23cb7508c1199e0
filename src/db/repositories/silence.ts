import { sql, type Kysely } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { HeartbeatJudgement } from '../../domain/heartbeat.ts';
import { inTransaction } from '../transaction.ts';
import { syncAlerts } from './alerting/syncAlerts.ts';
import { THRESHOLD, toWatchedMachine, WATCHED_MACHINE, type WatchedMachineRow } from './watchedMachines.ts';

const PULSE = sql`(select at from ingest_pulse)`;
const LAST_OUTAGE = sql`(select coalesce(max(ended_at), '-infinity') from ingest_outages)`;
/**
 * From when the silence of a machine counts: its last report, or when it was resumed after one. Null where it does not
 * count: never seen, paused, or down already.
 */
const SILENT_SINCE = sql`case when s.status = 'up' then s.last_seen_at
  when s.status = 'unknown' and s.last_seen_at is not null then greatest(s.last_seen_at, s.last_state_change_at) end`;
/** What the settings allow at least. */
const SHORTEST_THRESHOLD = sql`interval '1 minute'`;
/** API processes renew the pulse every second or two; one that is older than this says that ingest is away. */
const PULSE_STALE_SECONDS = 10;

/** Which machines have fallen silent: decided here, for all clients, in one statement. */
export class SilenceRepository {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /**
   * Turns every machine down that was silent for longer than its client allows, and that could have reported: the
   * ingest pulse was renewed after its deadline. Any number of callers may do so at once, each machine is decided
   * once. One that ingest is marking as seen at this moment is left alone.
   *
   * The deadline is never before the last report and the threshold, nor before the end of an outage and what is
   * granted after it: these two are compared first, since the function costs microseconds for each machine, and after
   * an outage every machine would be asked for.
   *
   * Their alerts are opened in the same transaction.
   *
   * @returns the ids of those that this call has found
   */
  judgeAll(): Promise<string[]> {
    return inTransaction(this.em, async (db) => {
      const found = await judge(db);
      await syncAlerts(
        db,
        'heartbeat',
        found.map(({ key }) => key),
      );
      return found.map(({ id }) => id);
    });
  }

  /**
   * What is so of these machines now.
   *
   * @returns by id; ids without a row are absent
   */
  async judgements(ids: readonly string[]): Promise<ReadonlyMap<string, HeartbeatJudgement>> {
    const { rows } = await sql<JudgedRow>`
      select ${WATCHED_MACHINE}, m.unregistered_at is not null as is_deleted,
        case when not m.is_paused and ${SILENT_SINCE} is not null
          then (extract(epoch from heartbeat_deadline(${SILENT_SINCE}, ${THRESHOLD}) - now()) * 1000)::float8 end
          as remaining_ms,
        p.at < now() - ${PULSE_STALE_SECONDS} * interval '1 second' as is_ingest_away
      from machines m
      left join machine_states s on s.machine_key = m.key
      left join client_settings c on c.client_id = m.client_id
      cross join ingest_pulse p
      where m.id = any(${ids}::uuid[])
    `.execute(this.em.getKysely<object>());
    return new Map(rows.map((row) => [row.id, toJudgement(row)]));
  }
}

/** One statement for all machines. @returns those that are down from now on */
async function judge(db: Kysely<object>): Promise<{ id: string; key: number }[]> {
  const { rows } = await sql<{ id: string; key: number }>`
    with silent as (
      select s.machine_key, s.status
      from machine_states s
      join machines m on m.key = s.machine_key
      left join client_settings c on c.client_id = m.client_id
      where not m.is_paused and m.unregistered_at is null
        and ${SILENT_SINCE} <= ${PULSE} - ${SHORTEST_THRESHOLD}
        and ${SILENT_SINCE} <= ${PULSE} - ${THRESHOLD}
        and (${SILENT_SINCE} >= ${LAST_OUTAGE} or ${LAST_OUTAGE} + interval '2 minutes' <= ${PULSE})
        and heartbeat_deadline(${SILENT_SINCE}, ${THRESHOLD}) <= ${PULSE}
      for update of s skip locked
    ), down as (
      update machine_states s set status = 'down', episode = s.episode + 1, last_state_change_at = now()
      from silent where s.machine_key = silent.machine_key
      returning s.machine_key, s.episode, silent.status as from_status, s.last_seen_at
    ), transitions as (
      insert into machine_transitions (machine_key, episode, from_status, to_status, at, last_seen_at)
      select machine_key, episode, from_status, 'down', now(), last_seen_at from down
    )
    select m.id, m.key from down join machines m on m.key = down.machine_key
  `.execute(db);
  return rows;
}

interface JudgedRow extends WatchedMachineRow {
  is_deleted: boolean;
  /** null where its silence does not count. */
  remaining_ms: number | null;
  is_ingest_away: boolean;
}

function toJudgement(row: JudgedRow): HeartbeatJudgement {
  if (row.is_deleted) return { kind: 'deleted' };
  const { schedule, state } = toWatchedMachine(row);
  const remainingMs = Math.ceil(row.remaining_ms ?? 0);
  const isOverdue = row.remaining_ms !== null && remainingMs <= 0;
  if (isOverdue && row.is_ingest_away) return { kind: 'ingestAway' };
  return { kind: 'known', schedule, state, remainingMs };
}
