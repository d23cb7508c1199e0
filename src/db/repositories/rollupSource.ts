import type { Kysely, RawBuilder } from 'kysely';

/** What is rolled up, and where to: checks of targets, or samples of metrics. Names of tables and columns are constants. */
export interface RollupSource {
  /** Partitioned by day. */
  readonly table: string;
  /** One row: how far it is rolled up, and the lock of whoever does it. */
  readonly progressTable: string;
  readonly lateTable: string;
  /** Of the late table. */
  readonly keyColumn: string;
  /** Makes the partitions that the rollups of a UTC day go to. */
  readonly ensureFunction: string;
  /**
   * Some queries of all keys that may have rows since then, `select key, <bounds> …`, each small enough for one
   * statement.
   *
   * @param since UTC milliseconds
   */
  readonly allKeys: (
    db: Kysely<object>,
    bounds: RawBuilder<unknown>,
    since: number,
  ) => Promise<readonly RawBuilder<unknown>[]>;
  /** @param pairs a query of keys and hours, with the end of each. @returns how many rollups it wrote */
  readonly rollUpHours: (db: Kysely<object>, pairs: RawBuilder<unknown>) => Promise<number>;
  /** @param pairs a query of keys and UTC days that are over */
  readonly rollUpDays: (db: Kysely<object>, pairs: RawBuilder<unknown>) => Promise<void>;
}
