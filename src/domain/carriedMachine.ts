import type { HeartbeatSchedule, HeartbeatState } from './heartbeat.ts';

/** Why nobody can say at the moment whether a machine is silent. */
export type JudgementTrouble = 'ingestAway' | 'unavailable';

/** Everything that one run of a machine's workflow hands to the next. Times are UTC milliseconds. */
export interface CarriedMachine {
  readonly format: 1;
  readonly schedule: HeartbeatSchedule;
  readonly state: HeartbeatState;
  /** When Postgres is to be asked next; null while no silence is to be judged. */
  readonly askAt: number | null;
  readonly trouble: JudgementTrouble | null;
  /** How often in a row Postgres did not answer. */
  readonly unanswered: number;
}

/**
 * What an earlier version of the product handed over, in today's form. There is one form so far.
 *
 * @throws for a form that this version does not know yet: the workflow task is retried until newer workers are there
 */
export function upgradeCarriedMachine(carried: { readonly format: number }): CarriedMachine {
  if (isCurrent(carried)) return carried;
  throw new Error(`Carried state of format ${carried.format} needs a newer worker.`);
}

function isCurrent(carried: { readonly format: number }): carried is CarriedMachine {
  return carried.format === 1;
}
