import { sql } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';

/** Without a pulse for longer than this, ingest was away: agents that post every few seconds lost something. */
const OUTAGE_AFTER_SECONDS = 10;

/** The proof that machines could have reported: without it their silence means nothing. */
export class IngestPulse {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /**
   * Renews the pulse; whoever finds it old notes the outage, once, in the same transaction. By the database's clock.
   *
   * @returns what that clock says, UTC milliseconds
   */
  async beat(): Promise<number> {
    const { rows } = await sql<{ now_ms: number }>`
      with last as (
        select at from ingest_pulse for update
      ), outage as (
        insert into ingest_outages (began_at, ended_at)
        select at, clock_timestamp() from last
        where at < clock_timestamp() - ${OUTAGE_AFTER_SECONDS} * interval '1 second'
        on conflict (began_at) do nothing
      )
      update ingest_pulse p set at = greatest(p.at, clock_timestamp()) from last
      returning (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms
    `.execute(this.em.getKysely<object>());
    const [row] = rows;
    if (row === undefined) throw new Error('ingest_pulse has lost its row: insert one.');
    return row.now_ms;
  }
}
