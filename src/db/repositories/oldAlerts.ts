import { sql } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { timestamp } from '../sqlTime.ts';
import { inTransaction } from '../transaction.ts';

/** In one transaction; an incident may have thousands of alerts. */
const MAX_INCIDENTS = 100;
const MAX_TESTS = 1_000;

/** Incidents that nobody asks for any more, with their alerts, messages and what the ledger says of them. */
export class OldAlerts {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /**
   * Deletes the oldest that were resolved before then, some at once.
   *
   * @param before UTC milliseconds
   * @returns how many; call again until there are none
   */
  deleteIncidents(before: number): Promise<number> {
    return inTransaction(this.em, async (db) => {
      const { rows } = await sql<{ id: string }>`
        select id from incidents where status = 'resolved' and untold_since is null and resolved_at < ${timestamp(before)}
        order by resolved_at limit ${sql.lit(MAX_INCIDENTS)} for update skip locked
      `.execute(db);
      const ids = rows.map(({ id }) => id);
      if (ids.length === 0) return 0;
      await sql`delete from alerts where incident_id = any(${ids}::uuid[])`.execute(db);
      await sql`delete from incidents where id = any(${ids}::uuid[])`.execute(db);
      return ids.length;
    });
  }

  /** Messages that belong to no incident: tests of channels. @param before UTC milliseconds */
  async deleteTests(before: number): Promise<number> {
    const { numAffectedRows = 0n } = await sql`
      delete from messages where id in (
        select id from messages where incident_id is null and created_at < ${timestamp(before)}
        limit ${sql.lit(MAX_TESTS)})
    `.execute(this.em.getKysely<object>());
    return Number(numAffectedRows);
  }
}
