import pg from 'pg';
import type { Stack } from './stack.ts';

/** How many watches each worker of a stack has, by its pid as the database knows it; 0 stands for free ones. */
export async function stackWatches(stack: Stack): Promise<Map<number, number>> {
  const client = new pg.Client({ connectionString: stack.databaseUrl() });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number; count: number }>(
      `select coalesce(p.pid, 0) as pid, count(*)::int as count
       from watches w left join workers p on p.id = w.worker_id group by 1`,
    );
    return new Map(rows.map(({ pid, count }) => [pid, count]));
  } finally {
    await client.end();
  }
}
