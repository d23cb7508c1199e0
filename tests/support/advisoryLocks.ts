import { sql } from 'kysely';
import type { TargetDatabase } from './targets.ts';
import { until } from './until.ts';

/** Until somebody in this database waits for an advisory lock that another transaction has. */
export async function untilLockIsAwaited({ orm }: Pick<TargetDatabase, 'orm'>): Promise<void> {
  await until(
    async () => {
      const { rows } = await sql`
        select from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())
      `.execute(orm.em.fork().getKysely<object>());
      return rows.length > 0;
    },
    { what: 'a wait for the lock' },
  );
}
