/** Somebody else's transaction waited for ours, as ours for theirs: trying again is all it takes. */
export const DEADLOCK = '40P01';
/** Check violation: "no partition of relation … found for row". */
export const NO_PARTITION = '23514';

/** Five characters, the first two of them a class; codes of Node, such as EPIPE, look alike. */
const SQL_STATE = /^(\d[0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/;

/**
 * What Postgres says of an error, as listed in appendix A of its manual.
 *
 * @returns null where it was not Postgres that answered
 */
export function sqlStateOf(error: unknown): string | null {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
  return typeof code === 'string' && SQL_STATE.test(code) ? code : null;
}

/** SQLSTATE classes 22 (data exception) and 23 (constraint violation): trying again gives the same. */
export function isRefusedData(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== null && /^2[23]/.test(state);
}
