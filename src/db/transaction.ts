import type { Transaction } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';

/**
 * Commits what `work` did, or nothing when it throws. Not `em.transactional`: when BEGIN itself fails (a
 * network that swallows it), that one never gives its connection back, and a pool of two is dry after two.
 */
export function inTransaction<T>(
  em: EntityManager,
  work: (db: Transaction<object>) => Promise<T>,
): Promise<T> {
  return em.getKysely<object>().transaction().execute(work);
}
