import { sql, type RawBuilder } from 'kysely';

/**
 * A sum of finite values that never overflows, which Postgres takes for an error. Divide it outside of SQL, where a
 * result that is too small is no error either. Null where there are no values.
 */
export function finiteSum(value: RawBuilder<unknown>): RawBuilder<unknown> {
  // greatest and least would take a null for the bound.
  return sql`sum(greatest(least(${value}, 1e300::float8), -1e300::float8)) filter (where ${value} is not null)`;
}
