import { sql } from 'kysely';
import type { Target } from '../../src/db/repositories/httpTargetRow.ts';
import type { TargetDatabase } from './targets.ts';

/** Who watches a target, by the database. */
export interface WatchRow {
  readonly targetId: string;
  /** Name of the worker process; null while nobody has it. */
  readonly worker: string | null;
  /** New with each worker that takes it. */
  readonly claim: string;
  readonly version: number;
  readonly status: 'up' | 'down';
}

export async function watchRows({ orm }: TargetDatabase): Promise<WatchRow[]> {
  const { rows } = await sql<WatchRow>`
    select t.id as "targetId", p.name as worker, w.claim::text, w.version, w.status
    from watches w join http_targets t on t.key = w.target_key left join workers p on p.id = w.worker_id
  `.execute(orm.em.fork().getKysely<object>());
  return rows;
}

/** Leaves a watch without a worker, as when its own has died; whoever hears of it takes it on. */
export async function freeWatch({ orm }: TargetDatabase, { id }: Pick<Target, 'id'>): Promise<void> {
  const database = orm.em.fork().getKysely<object>();
  await sql`
    update watches set worker_id = null where target_key = (select key from http_targets where id = ${id})
  `.execute(database);
  await sql`notify watches_free`.execute(database);
}

/**
 * Gives a watch to a worker that does nothing with it, without a word to the one that had it.
 *
 * @returns the id of that worker
 */
export async function takeWatch({ orm }: TargetDatabase, { id }: Pick<Target, 'id'>): Promise<string> {
  const thief = crypto.randomUUID();
  const database = orm.em.fork().getKysely<object>();
  await sql`
    insert into workers (id, name, host, pid, lease_until)
    values (${thief}, 'thief', 'elsewhere', 1, now() + interval '1 hour')
  `.execute(database);
  await sql`
    update watches set worker_id = ${thief}, claim = nextval('watch_claims')
    where target_key = (select key from http_targets where id = ${id})
  `.execute(database);
  return thief;
}

/** @returns null when the target is not watched */
export async function watchOf(db: TargetDatabase, { id }: Pick<Target, 'id'>): Promise<WatchRow | null> {
  return (await watchRows(db)).find(({ targetId }) => targetId === id) ?? null;
}
