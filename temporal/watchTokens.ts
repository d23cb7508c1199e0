import {
  ActivityCancelledError,
  ActivityNotFoundError,
  ActivityPausedError,
  ActivityResetError,
} from '@temporalio/client';
import type { WatchTokens } from '../src/activities/watch/handBack.ts';
import type { TemporalConnection } from './client.ts';

const ANSWER_WITHIN_MS = 5_000;

/** Activities that are answered by their task tokens, from whichever process has them. */
export function createWatchTokens(temporal: TemporalConnection): WatchTokens {
  const { activity } = temporal.client;
  return {
    async complete(taskToken, watched) {
      try {
        await temporal.within(ANSWER_WITHIN_MS, () => activity.complete(taskToken, watched));
        return 'done';
      } catch (error) {
        if (error instanceof ActivityNotFoundError) return 'stale';
        throw error;
      }
    },

    async heartbeat(taskToken) {
      try {
        await temporal.within(ANSWER_WITHIN_MS, () => activity.heartbeat(taskToken));
        return 'alive';
      } catch (error) {
        if (error instanceof ActivityNotFoundError) return 'stale';
        if (error instanceof ActivityCancelledError) return 'cancelled';
        // What ops do to an activity in the Temporal UI: the workflow steps instead.
        if (error instanceof ActivityPausedError || error instanceof ActivityResetError) return 'cancelled';
        throw error;
      }
    },
  };
}
