import { ApplicationFailure, Trigger } from '@temporalio/workflow';
import type { CheckNowAnswer, CheckNowRefusal } from './messages.ts';

const REFUSALS: Readonly<Record<CheckNowRefusal, string>> = {
  TargetPaused: 'The target is paused.',
  TargetRetired: 'The target was deleted.',
  CheckNotRun: 'The check could not be run: see the workflow in the Temporal UI.',
};

/** Those who asked for a check now and wait for the next result. */
export class CheckNowWaiters {
  private waiting: Trigger<CheckNowAnswer>[] = [];

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  async next(): Promise<CheckNowAnswer> {
    const waiter = new Trigger<CheckNowAnswer>();
    this.waiting.push(waiter);
    return await waiter;
  }

  answer(answer: CheckNowAnswer): void {
    for (const waiter of this.waiting.splice(0)) waiter.resolve(answer);
  }

  refuse(reason: CheckNowRefusal): void {
    for (const waiter of this.waiting.splice(0)) waiter.reject(refusal(reason));
  }
}

/** What an update fails with; the API knows it by its type. */
export function refusal(reason: CheckNowRefusal): ApplicationFailure {
  return ApplicationFailure.nonRetryable(REFUSALS[reason], reason);
}
