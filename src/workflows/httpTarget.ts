import {
  ActivityCancellationType,
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  makeContinueAsNewFunc,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  Trigger,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities, CheckTargetAnswer } from '../activities/contracts.ts';
import {
  freshTarget,
  TargetRun,
  upgradeCarried,
  type CarriedTarget,
  type Change,
  type NextStep,
} from '../domain/targetRun.ts';
import type { StatusTransition } from '../domain/targetState.ts';
import {
  checkNowUpdate,
  configureSignal,
  MONITOR_STATUS,
  pauseSignal,
  resumeSignal,
  retireSignal,
  statusQuery,
  type CheckNowAnswer,
  type CheckNowRefusal,
  type HttpTargetInput,
  type HttpTargetMemo,
} from './messages.ts';

/** A run is rolled into a new one when its history is this long or this old. */
const ROLL_AT_EVENTS = 1_000;
const ROLL_AT_AGE_MS = 24 * 3_600_000;
/** On top of the target's own timeout: loading, recording, and a worker that is busy. */
const CHECK_MARGIN_SECONDS = 5;

const { recordChecks, loadSchedule } = proxyActivities<Activities>({
  startToCloseTimeout: '20s',
  scheduleToCloseTimeout: '60s',
  retry: { maximumAttempts: 1 },
});

/**
 * Watches one HTTP target for as long as it exists: sleeps on a durable timer until the slot, lets a worker
 * check, reduces the result, loops. The rules are in `TargetRun`; here is what they need of Temporal.
 */
export async function httpTarget(input: HttpTargetInput): Promise<void> {
  await new HttpTargetWorkflow(input).run();
}

class HttpTargetWorkflow {
  private readonly input: HttpTargetInput;
  private readonly target: TargetRun;
  private readonly startedAt = Date.now();
  private hasNews = false;
  /** Rejects the wait for the check that is running; the activity itself ends with its next heartbeat. */
  private runningCheck: { interrupt: () => void } | null = null;
  private activitiesInFlight = 0;
  private waiters: Trigger<CheckNowAnswer>[] = [];
  /** What the memo says: set at the start by whoever starts the workflow. */
  private published: { version: number; name: string };

  constructor(input: HttpTargetInput) {
    this.input = input;
    const carried =
      input.carried === undefined
        ? freshTarget(input.targetId, input.schedule, input.state, this.startedAt)
        : upgradeCarried(input.carried);
    this.target = new TargetRun(input.targetId, carried);
    this.published = { version: input.schedule.version, name: input.schedule.name };
    this.answerMessages();
  }

  async run(): Promise<void> {
    for (;;) {
      this.hasNews = false;
      this.describe();
      const step = this.target.next(Date.now());
      if (step.kind === 'end') break;
      await this.take(step);
      if (this.shouldRoll()) await this.roll();
    }
    await condition(() => this.activitiesInFlight === 0 && allHandlersFinished());
  }

  private async take(step: Exclude<NextStep, { kind: 'end' }>): Promise<void> {
    switch (step.kind) {
      case 'check':
        return this.check(step);
      case 'writeUnrecorded':
        return this.writeUnrecorded();
      case 'reloadSchedule':
        return this.reloadSchedule();
      case 'wait':
        return this.wait(step.until);
    }
  }

  /** Sleeps on a durable timer until the slot, or until a message comes. */
  private async wait(until: number | null): Promise<void> {
    if (until === null) await condition(() => this.hasNews);
    else await condition(() => this.hasNews, Math.max(1, until - Date.now()));
  }

  /**
   * Asked after each step, so just after something woke the workflow: a roll that is refused (a message came
   * in between) repeats a short task. What is in flight would be lost with the old run, so it is let end.
   */
  private shouldRoll(): boolean {
    if (this.activitiesInFlight > 0 || !allHandlersFinished() || this.waiters.length > 0) return false;
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    return (
      continueAsNewSuggested ||
      historyLength >= ROLL_AT_EVENTS ||
      Date.now() - this.startedAt >= ROLL_AT_AGE_MS
    );
  }

  /** Left to itself, the next run would start with the memo and the search attributes of the first. */
  private async roll(): Promise<never> {
    const { memo, typedSearchAttributes } = workflowInfo();
    const continueAsNew = makeContinueAsNewFunc<typeof httpTarget>({
      typedSearchAttributes,
      ...(memo === undefined ? {} : { memo }),
    });
    const carried: CarriedTarget = this.target.carried();
    return continueAsNew({ ...this.input, schedule: carried.schedule, state: carried.state, carried });
  }

  private async check(step: { slot: number; checkKind: 'scheduled' | 'manual' }): Promise<void> {
    this.target.checkStarted(step.slot);
    this.describe(true);
    const answer = await this.interruptibleCheck(step);
    if (answer === 'interrupted') {
      if (this.waiters.length > 0) this.target.wantCheckNow();
      return;
    }
    if (answer === 'failed') {
      this.target.notChecked(step.slot);
      this.refuseWaiters('CheckNotRun', 'The check could not be run: see the workflow in the Temporal UI.');
      return;
    }
    if (answer.kind === 'superseded') {
      this.target.superseded(step.slot, answer.version, Date.now());
      if (this.target.isRetired) this.refuseWaiters('TargetRetired', 'The target was deleted.');
      return;
    }
    const { result, recorded, failureThreshold } = answer;
    const transition = this.target.checked(result, recorded, failureThreshold, Date.now());
    this.answerWaiters({ result, status: this.target.currentState.status });
    this.publish(transition);
  }

  /** Does not wait for an interrupted check to end: the new configuration goes first. */
  private async interruptibleCheck(step: {
    slot: number;
    checkKind: 'scheduled' | 'manual';
  }): Promise<CheckTargetAnswer | 'interrupted' | 'failed'> {
    const scope = new CancellationScope();
    const interrupted = new Trigger<'interrupted'>();
    this.runningCheck = {
      interrupt: () => {
        scope.cancel();
        interrupted.resolve('interrupted');
      },
    };
    try {
      return await Promise.race([scope.run(() => this.callCheckTarget(step)), interrupted]);
    } finally {
      this.runningCheck = null;
    }
  }

  private async callCheckTarget(step: {
    slot: number;
    checkKind: 'scheduled' | 'manual';
  }): Promise<CheckTargetAnswer | 'interrupted' | 'failed'> {
    const schedule = this.target.currentSchedule;
    const { checkTarget } = proxyActivities<Activities>({
      startToCloseTimeout: (schedule.timeoutSeconds + CHECK_MARGIN_SECONDS) * 1_000,
      // A slot whose check our side could not bring about in this time is given up.
      scheduleToCloseTimeout: (Math.max(schedule.intervalSeconds, schedule.timeoutSeconds) + 30) * 1_000,
      heartbeatTimeout: '5s',
      cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
      retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s' },
    });
    this.activitiesInFlight += 1;
    try {
      return await checkTarget({
        targetId: this.input.targetId,
        slot: step.slot,
        kind: step.checkKind,
        schedule,
        state: this.target.currentState,
      });
    } catch (error) {
      if (isCancellation(error)) return 'interrupted';
      log.warn('a check could not be run', { slot: step.slot, error: String(error) });
      return 'failed';
    } finally {
      this.activitiesInFlight -= 1;
    }
  }

  private async writeUnrecorded(): Promise<void> {
    try {
      await recordChecks({
        targetId: this.input.targetId,
        results: this.target.unrecordedResults,
        state: this.target.currentState,
        nextCheckAt: this.target.dueAt,
      });
      this.target.unrecordedWritten();
    } catch (error) {
      log.warn('results could not be written yet', { error: String(error) });
      this.target.unrecordedRefused(Date.now());
    }
  }

  private async reloadSchedule(): Promise<void> {
    try {
      const schedule = await loadSchedule(this.input.targetId);
      if (schedule === null) this.target.retire(Date.now());
      else this.apply(this.target.scheduleReloaded(schedule, Date.now()));
    } catch (error) {
      log.warn('the schedule could not be read', { error: String(error) });
      this.target.scheduleNotReloaded();
    }
  }

  private answerMessages(): void {
    setHandler(configureSignal, (schedule) => this.apply(this.target.configure(schedule, Date.now())));
    setHandler(pauseSignal, ({ version }) => this.apply(this.target.setActive(false, version, Date.now())));
    setHandler(resumeSignal, ({ version }) => this.apply(this.target.setActive(true, version, Date.now())));
    setHandler(retireSignal, () => {
      this.target.retire(Date.now());
      this.apply({ interrupts: true, transition: null });
    });
    setHandler(checkNowUpdate, () => this.checkNow(), { validator: () => this.refuseIfNotWatching() });
    setHandler(statusQuery, () => ({
      targetId: this.input.targetId,
      words: this.target.words(this.runningCheck !== null),
      schedule: this.target.currentSchedule,
      state: this.target.currentState,
      nextCheckAt: this.target.dueAt,
      unrecordedChecks: this.target.unrecordedResults.length,
    }));
  }

  /** Joins the check that is running, else asks for an extra one. */
  private async checkNow(): Promise<CheckNowAnswer> {
    const waiter = new Trigger<CheckNowAnswer>();
    this.waiters.push(waiter);
    if (this.runningCheck === null) this.target.wantCheckNow();
    this.hasNews = true;
    return await waiter;
  }

  private refuseIfNotWatching(): void {
    if (this.target.isRetired) throw refusal('TargetRetired', 'The target was deleted.');
    if (this.target.isPaused) throw refusal('TargetPaused', 'The target is paused.');
  }

  private apply({ interrupts, transition }: Change): void {
    this.hasNews = true;
    if (interrupts) this.runningCheck?.interrupt();
    if (this.target.isRetired) this.refuseWaiters('TargetRetired', 'The target was deleted.');
    else if (this.target.isPaused) this.refuseWaiters('TargetPaused', 'The target was paused.');
    this.publish(transition);
    this.describe();
  }

  private answerWaiters(answer: CheckNowAnswer): void {
    for (const waiter of this.waiters.splice(0)) waiter.resolve(answer);
  }

  private refuseWaiters(type: CheckNowRefusal, message: string): void {
    for (const waiter of this.waiters.splice(0)) waiter.reject(refusal(type, message));
  }

  /** Search attributes change on transitions only, the memo also with the configuration: each is an event. */
  private publish(transition: StatusTransition | null): void {
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
  private describe(checking = false): void {
    setCurrentDetails(`${this.target.words(checking)}\n\n${this.target.currentSchedule.name}`);
  }
}

function refusal(type: CheckNowRefusal, message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type);
}
