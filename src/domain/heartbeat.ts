/** What a machine is, as far as its agent's posts tell. */
export type MachineStatus = 'unknown' | 'up' | 'down' | 'paused';

/** How to judge the silence of a machine. `version` grows with every change that its workflow has to hear of. */
export interface HeartbeatSchedule {
  readonly version: number;
  /** For people in the Temporal UI. */
  readonly hostname: string;
  /** false while it is paused. */
  readonly isActive: boolean;
  /** A machine that was silent for so long is down; from the client's settings. */
  readonly thresholdSeconds: number;
}

/** What Postgres knows of a machine. Times are UTC milliseconds. */
export interface HeartbeatState {
  readonly status: MachineStatus;
  /** Grows with each transition to down. */
  readonly episode: number;
  /** When the server last received something of it. */
  readonly lastSeenAt: number | null;
  readonly lastStateChangeAt: number | null;
}

/**
 * From when the silence of a machine counts: its last report, or when it was resumed after one.
 *
 * @returns UTC milliseconds, or null where silence means nothing: never seen, paused, or down already
 */
export function silentSince({ status, lastSeenAt, lastStateChangeAt }: HeartbeatState): number | null {
  if (lastSeenAt === null) return null;
  if (status === 'up') return lastSeenAt;
  return status === 'unknown' ? Math.max(lastSeenAt, lastStateChangeAt ?? 0) : null;
}

/** A machine with all that its workflow is started from. */
export interface WatchedMachine {
  readonly machineId: string;
  readonly clientId: string;
  readonly schedule: HeartbeatSchedule;
  readonly state: HeartbeatState;
}

/** What messages to a machine's workflow bring: what Postgres knew when they were sent. */
export type MachineNews = Pick<WatchedMachine, 'schedule' | 'state'>;

/** What Postgres says of a machine when its workflow asks. */
export type HeartbeatJudgement =
  | {
      readonly kind: 'known';
      readonly schedule: HeartbeatSchedule;
      /** After the judgement: a machine that was found silent is down. */
      readonly state: HeartbeatState;
      /**
       * Until the machine counts as silent, by Postgres' clock: the workflow's may be another one. Not above 0 where the
       * deadline is over, and the proof that it could have reported is not there yet.
       */
      readonly remainingMs: number;
      readonly patience?: number;
    }
  /** No API process takes reports, so silence proves nothing. */
  | { readonly kind: 'ingestAway'; readonly patience?: number }
  /** Postgres does not answer, or too slowly. */
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'deleted' };
