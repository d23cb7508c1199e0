import { sql, type RawBuilder } from 'kysely';

/** @param at UTC milliseconds */
export function timestamp(at: number): RawBuilder<unknown> {
  return sql`${new Date(at).toISOString()}::timestamptz`;
}

/** The UTC day of an instant, UTC milliseconds. */
export function date(at: number): RawBuilder<unknown> {
  return sql`${utcDay(at)}::date`;
}

/** The UTC day of an instant, UTC milliseconds: `2026-01-31`. */
export function utcDay(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** The UTC days of these instants, UTC milliseconds: each once, the earliest first. */
export function utcDays(instants: readonly number[]): string[] {
  return [...new Set(instants.map(utcDay))].sort();
}
