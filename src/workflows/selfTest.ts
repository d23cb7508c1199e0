import {
  allHandlersFinished,
  condition,
  continueAsNew,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { pingQuery, touchSignal } from './messages.ts';

const ROLL_AT_EVENTS = 1_000;

/**
 * Does nothing, for as long as the product runs: answering its query shows that a worker is there, taking
 * its signal shows that Temporal still writes (a wedged dev server says SERVING all the same).
 */
export async function selfTest(): Promise<void> {
  let touched = false;
  setHandler(pingQuery, () => 'pong');
  setHandler(touchSignal, () => {
    touched = true;
  });
  for (;;) {
    await condition(() => touched);
    touched = false;
    if (workflowInfo().historyLength >= ROLL_AT_EVENTS && allHandlersFinished()) {
      await continueAsNew<typeof selfTest>();
    }
  }
}
