import { sql } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { inTransaction } from '../transaction.ts';
import type { CheckToRecord, RecordedCheck } from './checkToRecord.ts';
import { RecordGroup } from './recordGroup.ts';

/** Check violation: "no partition of relation … found for row". */
const NO_PARTITION = '23514';

/** Writes checks, and what they decide, in groups: one transaction for many targets. */
export class CheckRepository {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /**
   * Stores the checks of one group. A check that is stored already stays as it is and is read back, so that
   * a second probe of the same slot changes nothing. The status is decided from what is stored, in the same
   * transaction. A day without a partition gets one.
   *
   * @returns one entry for each check, in their order
   */
  async record(checks: readonly CheckToRecord[]): Promise<RecordedCheck[]> {
    try {
      return await this.recordOnce(checks);
    } catch (error) {
      if ((error as { code?: unknown }).code !== NO_PARTITION) throw error;
      await this.ensurePartitions(checks.map(({ result }) => result.scheduledAt));
      return this.recordOnce(checks);
    }
  }

  /** Makes the partitions of the UTC days of these instants, where they are missing. */
  async ensurePartitions(instants: readonly number[]): Promise<void> {
    const days = new Set(instants.map((at) => new Date(at).toISOString().slice(0, 10)));
    for (const day of days) {
      await sql`select ensure_check_partitions(${day}::date)`.execute(this.em.getKysely<object>());
    }
  }

  private recordOnce(checks: readonly CheckToRecord[]): Promise<RecordedCheck[]> {
    return inTransaction(this.em, async (db) => {
      const group = new RecordGroup(db, checks);
      const found = await group.insert();
      const stored = await group.readBack(found);
      return group.decide(found, stored);
    });
  }
}
