import { WorkflowNotFoundError } from '@temporalio/client';

/** A workflow that has ended, or never started, needs no message; lists are a moment behind as well. */
export async function unlessEnded(signal: Promise<void>): Promise<void> {
  try {
    await signal;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}
