import { sql } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';

/** In one statement, so that nobody waits for it. */
const MAX_DELETED = 10_000;

/** The ids of what agents have sent, after the time in which one may come again. */
export class OldIngests {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /**
   * Deletes the oldest, some at once.
   *
   * @param before UTC milliseconds
   * @param from where the last call ended, so that what is deleted is not looked at again
   * @returns how many, and until when; null when none are left
   */
  async deleteSome(before: number, from: number | null): Promise<{ deleted: number; until: number } | null> {
    const first = from === null ? '-infinity' : new Date(from).toISOString();
    const { rows } = await sql<{ deleted: number; until_ms: number | null }>`
      with old as (
        select ctid, received_at from ingests
        where received_at >= ${first}::timestamptz and received_at < ${new Date(before).toISOString()}::timestamptz
        order by received_at limit ${sql.lit(MAX_DELETED)}
      ), gone as (
        delete from ingests where ctid = any(array(select ctid from old)) returning received_at
      )
      select count(*)::int as deleted, (extract(epoch from max(received_at)) * 1000)::float8 as until_ms from gone
    `.execute(this.em.getKysely<object>());
    const [row] = rows;
    if (row === undefined || row.until_ms === null) return null;
    return { deleted: row.deleted, until: Math.floor(row.until_ms) };
  }
}
