import type { JudgementTrouble } from './carriedMachine.ts';
import type { HeartbeatSchedule, HeartbeatState } from './heartbeat.ts';
import { clockTime, wholeTime } from './words.ts';

/** What is known of a machine; times are UTC milliseconds. */
interface DescribedMachine {
  readonly schedule: HeartbeatSchedule;
  readonly state: HeartbeatState;
  /** When Postgres is asked next. */
  readonly askAt?: number | null;
  readonly trouble?: JudgementTrouble | null;
}

/**
 * What a machine's workflow does, in words for whoever looks at night: "up, last report seen 12:00:05, looks again
 * 12:05:07, down after 5 min of silence". Times are UTC.
 */
export function describeMachine({ schedule, state, askAt = null, trouble = null }: DescribedMachine): string {
  if (!schedule.isActive || state.status === 'paused') return 'paused';
  const allowed = `${inMinutes(schedule.thresholdSeconds)} of silence`;
  switch (state.status) {
    case 'unknown':
      if (state.lastSeenAt === null) return 'waiting for the first report';
      return [
        'waiting for a report',
        ...(trouble === null ? [] : [TROUBLE_WORDS[trouble]]),
        `down after ${allowed}`,
      ].join(', ');
    case 'down':
      return [...downSince(state), `${allowed} allowed`].join(', ');
    case 'up':
      return [
        'up',
        ...(state.lastSeenAt === null ? [] : [`last report seen ${clockTime(state.lastSeenAt)}`]),
        ...(trouble === null ? [] : [TROUBLE_WORDS[trouble]]),
        ...(askAt === null ? [] : [`looks again ${clockTime(askAt)}`]),
        `down after ${allowed}`,
      ].join(', ');
  }
}

const TROUBLE_WORDS = {
  ingestAway: 'cannot be judged now because no API process takes reports',
  unavailable: 'cannot be judged now because Postgres does not answer',
} as const satisfies Readonly<Record<JudgementTrouble, string>>;

function downSince({ lastStateChangeAt, lastSeenAt }: HeartbeatState): string[] {
  return [
    lastStateChangeAt === null ? 'down' : `down since ${wholeTime(lastStateChangeAt)}`,
    ...(lastSeenAt === null ? [] : [`last report ${wholeTime(lastSeenAt)}`]),
  ];
}

/** "5 min", "90 s". */
function inMinutes(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
