import { setCurrentDetails, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import type { TargetRun } from '../domain/targetRun.ts';
import type { StatusTransition } from '../domain/targetState.ts';
import { MONITOR_STATUS, type HttpTargetMemo } from './messages.ts';

/** What ops see of a target in the Temporal UI, and reconcile in its lists. */
export class TargetDisplay {
  private readonly target: TargetRun;
  /** What the memo says: set at the start by whoever starts the workflow. */
  private published: { readonly version: number; readonly name: string };

  constructor(target: TargetRun, published: { readonly version: number; readonly name: string }) {
    this.target = target;
    this.published = published;
  }

  /** Search attributes change on transitions only, the memo also with the configuration: each is an event. */
  publish(transition: StatusTransition | null): void {
    const { version, name } = this.target.currentSchedule;
    const isNewVersion = this.published.version !== version || this.published.name !== name;
    if (transition !== null) {
      upsertSearchAttributes([{ key: MONITOR_STATUS, value: transition.to.toUpperCase() }]);
    }
    if (transition === null && !isNewVersion) return;
    this.published = { version, name };
    upsertMemo({ version, name, status: this.target.words(false) } satisfies Partial<HttpTargetMemo>);
  }

  /** With the name, since the summary that the first run was started with does not outlive it. */
  describe(isChecking: boolean): void {
    setCurrentDetails(`${this.target.words(isChecking)}\n\n${this.target.currentSchedule.name}`);
  }
}
