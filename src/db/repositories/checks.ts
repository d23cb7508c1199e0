import { sql } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { NO_FAULTS, type ReachFaultPoint } from '../../faultPoints.ts';
import { DEADLOCK, NO_PARTITION, sqlStateOf } from '../sqlState.ts';
import { utcDays } from '../sqlTime.ts';
import { inTransaction } from '../transaction.ts';
import type { CheckToRecord, RecordedCheck } from './checkToRecord.ts';
import { markLateHours } from './lateCheckHours.ts';
import { RecordGroup } from './recordGroup.ts';
import { StateRacedError } from './targetStates.ts';

/** Two checks of a target at once are rare, three in a row of such moments rarer. */
const MAX_TRIES = 4;

/** Writes checks, and what they decide, in groups: one transaction for many targets. */
export class CheckRepository {
  private readonly em: EntityManager;
  private readonly reach: ReachFaultPoint;

  constructor(em: EntityManager, reach: ReachFaultPoint = NO_FAULTS) {
    this.em = em;
    this.reach = reach;
  }

  /**
   * Stores the checks of one group. A check that is stored already stays as it is and is read back, so that
   * a second probe of the same slot changes nothing. The status is decided from what is stored, in the same
   * transaction. A day without a partition gets one; where somebody else decides about the same target at the
   * same time, all is read and decided again.
   *
   * @returns one entry for each check, in their order
   */
  async record(checks: readonly CheckToRecord[]): Promise<RecordedCheck[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.recordOnce(checks);
      } catch (error) {
        if (tries >= MAX_TRIES) throw error;
        const state = sqlStateOf(error);
        if (state === NO_PARTITION) {
          await this.ensurePartitions(checks.map(({ result }) => result.scheduledAt));
        } else if (state !== DEADLOCK && !(error instanceof StateRacedError)) throw error;
      }
    }
  }

  /** Makes the partitions of the UTC days of these instants, where they are missing. */
  async ensurePartitions(instants: readonly number[]): Promise<void> {
    for (const day of utcDays(instants)) {
      await sql`select ensure_check_partitions(${day}::date)`.execute(this.em.getKysely<object>());
    }
  }

  private async recordOnce(checks: readonly CheckToRecord[]): Promise<RecordedCheck[]> {
    if (checks.some(({ result }) => result.failureClass !== null)) this.reach('check.beforeRow');
    const { recorded, hasAlerted } = await inTransaction(this.em, async (db) => {
      const group = new RecordGroup(db, checks);
      const found = await group.insert();
      await markLateHours(db, checks, found);
      const stored = await group.readBack(found);
      const decided = await group.decide(found, stored);
      if (group.hasAlerted) this.reach('alert.beforeCommit');
      return { recorded: decided, hasAlerted: group.hasAlerted };
    });
    if (hasAlerted) this.reach('alert.committed');
    return recorded;
  }
}
