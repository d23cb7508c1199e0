import { sql } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { DEADLOCK, NO_PARTITION, sqlStateOf } from '../sqlState.ts';
import { utcDays } from '../sqlTime.ts';
import { inTransaction } from '../transaction.ts';
import { IngestGroup, MetricsGoneError, type BatchToStore, type StoredIngest } from './ingestGroup.ts';

const MAX_TRIES = 4;

/** What became of a batch. */
export type IngestOutcome =
  | { readonly kind: 'accepted'; readonly cameUp: boolean }
  /** The same was stored before; the machine is alive all the same. */
  | { readonly kind: 'duplicate'; readonly cameUp: boolean; readonly stored: StoredIngest }
  /** Another batch was stored under this id. */
  | { readonly kind: 'conflict' }
  /** The machine, or a metric, was deleted meanwhile: nothing was stored. */
  | { readonly kind: 'gone' };

/** Batches that were to be stored together, and at least one of them cannot be. */
export class IngestRefusedError extends Error {
  override readonly name = 'IngestRefusedError';
  readonly outcomes: readonly IngestOutcome[];

  constructor(outcomes: readonly IngestOutcome[]) {
    super('Nothing of these batches was stored.');
    this.outcomes = outcomes;
  }
}

/** Stores what agents post, in groups: one transaction for many batches. */
export class IngestRepository {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /**
   * Stores each batch as a whole or not at all, and once: also when the same one comes again at the same time, in the
   * same group, or after a crash in between. A day without a partition gets one.
   *
   * @returns one entry for each batch, in their order
   */
  store(batches: readonly BatchToStore[]): Promise<IngestOutcome[]> {
    return this.storeInTransaction(batches, () => undefined);
  }

  /**
   * The same, all of them or none.
   *
   * @throws IngestRefusedError when one of them is not to be stored
   */
  storeTogether(batches: readonly BatchToStore[]): Promise<IngestOutcome[]> {
    return this.storeInTransaction(batches, (outcomes) => {
      if (outcomes.some(({ kind }) => kind === 'conflict' || kind === 'gone'))
        throw new IngestRefusedError(outcomes);
    });
  }

  /** @param assertTaken rolls back when it throws */
  private async storeInTransaction(
    batches: readonly BatchToStore[],
    assertTaken: (outcomes: readonly IngestOutcome[]) => void,
  ): Promise<IngestOutcome[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await inTransaction(this.em, async (db) => {
          const outcomes = await storeIn(new IngestGroup(db), batches);
          assertTaken(outcomes);
          return outcomes;
        });
      } catch (error) {
        if (error instanceof MetricsGoneError) return batches.map(() => ({ kind: 'gone' }));
        if (tries >= MAX_TRIES) throw error;
        const state = sqlStateOf(error);
        if (state === NO_PARTITION) await this.ensurePartitions(batches.map(({ at }) => at));
        else if (state !== DEADLOCK && !(error instanceof IngestForgottenError)) throw error;
      }
    }
  }

  /** @returns what is stored under this id, or null */
  async find(id: string): Promise<StoredIngest | null> {
    const stored = await new IngestGroup(this.em.getKysely<object>()).stored([id]);
    return stored.get(id) ?? null;
  }

  /** Makes the partitions of the UTC days of these instants, where they are missing. */
  async ensurePartitions(instants: readonly number[]): Promise<void> {
    for (const day of utcDays(instants)) {
      await sql`select ensure_sample_partition(${day}::date)`.execute(this.em.getKysely<object>());
    }
  }

  /**
   * Marks those of these machines as seen that are known: they have posted, although nothing of it can be stored.
   *
   * @returns the ids of those that came up
   */
  async markSeen(clientId: string, hostnames: readonly string[]): Promise<string[]> {
    return inTransaction(this.em, async (db) => {
      const { rows } = await sql<{ id: string; key: number }>`
        select id, key from machines where client_id = ${clientId} and unregistered_at is null
          and lower(hostname) = any(select lower(name) from unnest(${hostnames}::text[]) as name)
      `.execute(db);
      const seen = await new IngestGroup(db).markSeen(rows.map(({ key }) => key));
      return rows.flatMap(({ id, key }) => (seen.get(key)?.cameUp === true ? [id] : []));
    });
  }

  /** The machine of this key, whatever became of it. */
  async machineId(key: number): Promise<string | null> {
    const { rows } = await sql<{ id: string }>`select id from machines where key = ${key}`.execute(
      this.em.getKysely<object>(),
    );
    return rows[0]?.id ?? null;
  }
}

async function storeIn(group: IngestGroup, batches: readonly BatchToStore[]): Promise<IngestOutcome[]> {
  const first = new Map<string, BatchToStore>();
  for (const batch of batches) if (!first.has(batch.id)) first.set(batch.id, batch);
  const claimed = await group.claim([...first.values()]);
  const known = await group.stored([...first.keys()].filter((id) => !claimed.has(id)));
  /** What stands under the id of a batch, which may be the batch itself. */
  const standing = ({ id }: BatchToStore): StoredIngest => {
    const stored = known.get(id) ?? (claimed.has(id) ? toStored(first.get(id)) : null);
    if (stored === null) throw new IngestForgottenError();
    return stored;
  };
  const posts = batches.filter((batch) => standing(batch).content === batch.content);
  const machines = await group.markSeen([...new Set(posts.map(({ machineKey }) => machineKey))]);
  const toStore = [...first.values()].filter(({ id }) => claimed.has(id));
  const exists = ({ machineKey }: BatchToStore): boolean => machines.has(machineKey);
  await group.unclaim(toStore.filter((batch) => !exists(batch)).map(({ id }) => id));
  await group.storeSamples(toStore.filter(exists));
  return batches.map((batch): IngestOutcome => {
    const stored = standing(batch);
    if (stored.content !== batch.content) return { kind: 'conflict' };
    const machine = machines.get(batch.machineKey);
    if (machine === undefined) return { kind: 'gone' };
    const isFirst = claimed.has(batch.id) && first.get(batch.id) === batch;
    return isFirst ? { kind: 'accepted', ...machine } : { kind: 'duplicate', ...machine, stored };
  });
}

function toStored(batch: BatchToStore | undefined): StoredIngest | null {
  if (batch === undefined) return null;
  return { content: batch.content, machineKey: batch.machineKey, metrics: batch.samples.length };
}

/** An id that was there already, and was forgotten for its age before it could be read: store it then. */
class IngestForgottenError extends Error {
  override readonly name = 'IngestForgottenError';
}
