import { sql, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { timestamp } from '../sqlTime.ts';

/** In one statement; each takes up to 20,000 metrics along. */
const MAX_MACHINES = 3;
const MAX_METRICS = 5_000;
const MAX_TRANSITIONS = 10_000;

/** Each step deletes some, in a transaction of its own; told where the last one ended, so that nothing is looked at twice. */
export interface DeletedSome {
  readonly deleted: number;
  /** Give it to the next step; null after the last one. */
  readonly nextAfter: number | null;
}

const TRANSITION_TIMES = { machine_transitions: 'at', metric_transitions: 'created_at' } as const;

/** Machines, metrics and transitions that nobody asks for any more. */
export class OldMetrics {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /** Machines that were deleted before, with all that is known of their metrics. @param before UTC milliseconds */
  deleteMachines(before: number, after: number): Promise<DeletedSome> {
    return this.deleteSome(
      sql`select key from machines where unregistered_at < ${timestamp(before)} and key > ${after}::int
        order by key limit ${sql.lit(MAX_MACHINES)}`,
      sql`delete from machines where key = any(array(select key from old))`,
    );
  }

  /**
   * Metrics that have not come since then and that nobody has given a threshold. A sample that comes meanwhile keeps its
   * metric: the row that it changes is locked first, or is changed already and looked at again.
   *
   * @param before UTC milliseconds
   */
  async deleteMetrics(before: number, after: number): Promise<DeletedSome> {
    const end = timestamp(before);
    const { rows } = await sql<{ looked_at: number; deleted: number; last: number | null }>`
      with next as (
        select key, created_at from metric_instances where key > ${after}::int order by key
        limit ${sql.lit(MAX_METRICS)}
      ), old as (
        select l.metric_key as key from metric_latest l join next i on i.key = l.metric_key
        where i.created_at < ${end} and (l.received_at < ${end} or l.received_at is null)
          and not exists (select from thresholds t where t.metric_key = i.key)
        for update of l skip locked
      ), gone as (
        delete from metric_instances where key = any(array(select key from old)) returning key
      )
      select (select count(*)::int from next) as looked_at, (select count(*)::int from gone) as deleted,
        (select max(key) from next) as last
    `.execute(this.em.getKysely<object>());
    const [{ looked_at: lookedAt, deleted, last } = { looked_at: 0, deleted: 0, last: null }] = rows;
    return { deleted, nextAfter: lookedAt < MAX_METRICS ? null : last };
  }

  /** Definitions without any metric. One that comes again is made again. @returns how many */
  async deleteDefinitions(): Promise<number> {
    const { numAffectedRows } = await sql`
      delete from metric_definitions d
      where not exists (select from metric_instances i where i.definition_id = d.id)
    `.execute(this.em.getKysely<object>());
    return Number(numAffectedRows ?? 0);
  }

  /** Oldest first; ids grow with time, so that no index of times is needed. @param before UTC milliseconds */
  deleteTransitions(
    table: keyof typeof TRANSITION_TIMES,
    before: number,
    after: number,
  ): Promise<DeletedSome> {
    return this.deleteSome(
      sql`select id as key from (
          select id, ${sql.ref(TRANSITION_TIMES[table])} as at from ${sql.table(table)} where id > ${after}::bigint
          order by id limit ${sql.lit(MAX_TRANSITIONS)}) oldest
        where at < ${timestamp(before)}`,
      sql`delete from ${sql.table(table)} where id = any(array(select key from old))`,
    );
  }

  /** @param select the keys of those to delete. @param remove deletes what is in `old` */
  private async deleteSome(select: RawBuilder<unknown>, remove: RawBuilder<unknown>): Promise<DeletedSome> {
    const { rows } = await sql<{ deleted: number; last: number | null }>`
      with old as materialized (${select}), gone as (${remove})
      select count(*)::int as deleted, max(key)::float8 as last from old
    `.execute(this.em.getKysely<object>());
    const [{ deleted, last } = { deleted: 0, last: null }] = rows;
    return { deleted, nextAfter: last };
  }
}
