import type { TemporalConnection } from './client.ts';

/** Whoever changed something waits for this long at most. */
const HAND_ON_MS = 2_000;

/** Calls Temporal about a monitor. @returns whether it took the call; never throws */
type HandOn<Id> = (id: Id, call: () => Promise<unknown>) => Promise<boolean>;

/**
 * Hands on what Postgres has: a call that fails, or takes longer than 2 s, is told of and left to whoever compares the
 * workflows with their rows.
 */
export function createHandOn<Id>(
  temporal: Pick<TemporalConnection, 'within'>,
  onLeft: (id: Id, error: unknown) => void,
): HandOn<Id> {
  return async (id, call) => {
    try {
      await temporal.within(HAND_ON_MS, call);
      return true;
    } catch (error) {
      onLeft(id, error);
      return false;
    }
  };
}
