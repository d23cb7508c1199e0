import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';

/** Sizes in bytes at one moment. */
export interface Storage {
  /** Rows of `checks` with their index, all partitions. */
  readonly checks: number;
  /** `http_target_states` with its index: one row a target, rewritten in place. */
  readonly states: number;
  /** Temporal's database file with its write-ahead log; nobody but Temporal may open them. */
  readonly temporal: number;
}

export async function readStorage(database: Client, dataDir: string): Promise<Storage> {
  const { rows } = await database.query<{ checks: string; states: string }>(
    `select (select coalesce(sum(pg_total_relation_size(inhrelid)), 0)
               from pg_inherits where inhparent = 'checks'::regclass) as checks,
            pg_total_relation_size('http_target_states') as states`,
  );
  return {
    checks: Number(rows[0]?.checks),
    states: Number(rows[0]?.states),
    temporal: sizeOfTemporalFiles(join(dataDir, 'temporal')),
  };
}

function sizeOfTemporalFiles(directory: string): number {
  return readdirSync(directory)
    .filter((name) => /^temporal\.db(-wal)?$/.test(name))
    .reduce((sum, name) => sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}
