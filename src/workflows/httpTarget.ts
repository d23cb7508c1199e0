import {
  allHandlersFinished,
  condition,
  log,
  makeContinueAsNewFunc,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/contracts.ts';
import { freshTarget, upgradeCarried } from '../domain/carriedTarget.ts';
import type { CheckKind } from '../domain/check.ts';
import { TargetRun, type Change, type NextStep } from '../domain/targetRun.ts';
import { watchWindowMs, type WatchedTarget } from '../domain/watching.ts';
import { CheckNowWaiters, refusal } from './checkNowWaiters.ts';
import {
  checkNowUpdate,
  configureSignal,
  pauseSignal,
  resumeSignal,
  retireSignal,
  statusQuery,
  watchLostSignal,
  type CheckNowAnswer,
  type HttpTargetInput,
  type HttpTargetView,
} from './messages.ts';
import { RunningCheck } from './runningCheck.ts';
import { RunningWatch } from './runningWatch.ts';
import { TargetDisplay } from './targetDisplay.ts';

/**
 * A run is rolled into a new one when its history is this long or this old. Short, because a killed worker's
 * runs are all replayed by the next one before their targets are checked again.
 */
const ROLL_AT_EVENTS = 200;
const ROLL_AT_AGE_MS = 24 * 3_600_000;

const { recordChecks, loadSchedule } = proxyActivities<Activities>({
  startToCloseTimeout: '10s',
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
  private readonly display: TargetDisplay;
  private readonly startedAt = Date.now();
  private readonly checkNowWaiters = new CheckNowWaiters();
  private hasNews = false;
  private runningCheck: RunningCheck | null = null;
  private runningWatch: RunningWatch | null = null;
  private activitiesInFlight = 0;

  constructor(input: HttpTargetInput) {
    this.input = input;
    const carried =
      input.carried === undefined
        ? freshTarget(input.targetId, input.schedule, input.state, this.startedAt)
        : upgradeCarried(input.carried);
    this.target = new TargetRun(input.targetId, carried);
    this.display = new TargetDisplay(this.target, input.schedule);
    this.answerMessages();
  }

  async run(): Promise<void> {
    for (;;) {
      this.hasNews = false;
      this.describe();
      const step = this.target.next(Date.now());
      if (step.kind === 'end' && this.isIdle()) return;
      if (step.kind === 'end') await condition(() => this.isIdle());
      else await this.take(step);
      if (this.shouldRoll()) await this.roll();
    }
  }

  /** What is in flight may bring results that have to be written first. */
  private isIdle(): boolean {
    return this.activitiesInFlight === 0 && allHandlersFinished();
  }

  private async take(step: Exclude<NextStep, { kind: 'end' }>): Promise<void> {
    switch (step.kind) {
      case 'check':
        return this.check(step.slot, step.checkKind);
      case 'watch':
        this.watch(step.firstSlot);
        return;
      case 'writeUnrecorded':
        this.writeUnrecorded();
        return;
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
    if (!this.isIdle() || !this.checkNowWaiters.isEmpty || this.target.isRetired) return false;
    return isHistoryLong() || Date.now() - this.startedAt >= ROLL_AT_AGE_MS;
  }

  /** Left to itself, the next run would start with the memo and the search attributes of the first. */
  private async roll(): Promise<never> {
    const { memo, typedSearchAttributes } = workflowInfo();
    const continueAsNew = makeContinueAsNewFunc<typeof httpTarget>({
      typedSearchAttributes,
      ...(memo === undefined ? {} : { memo }),
    });
    const carried = this.target.carried();
    return continueAsNew({ ...this.input, schedule: carried.schedule, state: carried.state, carried });
  }

  private async check(slot: number, kind: CheckKind): Promise<void> {
    this.target.checkStarted(slot);
    const outcome = await this.runCheck(slot, kind);
    switch (outcome.kind) {
      case 'checked': {
        const { result, recorded } = outcome;
        const transition = this.target.checked(result, recorded, Date.now());
        // A run cannot be rolled beside a watch, however often its target is checked now.
        if (isHistoryLong()) this.watchLost();
        this.giveUpWatchUnlessWanted();
        this.checkNowWaiters.answer({ result, status: this.target.currentState.status });
        this.display.publish(transition);
        return;
      }
      case 'failed':
        this.target.notChecked(slot, Date.now());
        this.checkNowWaiters.refuse('CheckNotRun');
        return;
      case 'deleted':
        this.retire();
        return;
      case 'superseded':
        this.target.superseded(slot, outcome.version, Date.now());
        break;
      case 'interrupted':
        break;
    }
    if (!this.checkNowWaiters.isEmpty) this.target.wantCheckNow();
  }

  private async runCheck(slot: number, kind: CheckKind) {
    const check = new RunningCheck({
      targetId: this.input.targetId,
      slot,
      kind,
      schedule: this.target.currentSchedule,
      state: this.target.currentState,
      besideWatch: this.runningWatch !== null,
    });
    this.runningCheck = check;
    this.describe();
    void this.inFlight(check.ended);
    const outcome = await check.outcome;
    this.runningCheck = null;
    return outcome;
  }

  /** Hands the slots from `firstSlot` on to a watch, until there is news; messages are answered beside it. */
  private watch(firstSlot: number): void {
    const now = Date.now();
    const { currentSchedule: schedule, currentState: state } = this.target;
    const until = now + watchWindowMs(schedule.intervalSeconds * 1_000, Math.random());
    this.target.watchStarted(until);
    const watch = new RunningWatch({ targetId: this.input.targetId, schedule, state, firstSlot, until }, now);
    this.runningWatch = watch;
    void this.inFlight(watch.ended.then((seen) => this.watchEnded(watch, seen)));
  }

  private watchEnded(watch: RunningWatch, seen: WatchedTarget | null): void {
    this.hasNews = true;
    if (this.runningWatch !== watch) {
      if (seen !== null) this.target.keepFromWatch(seen, Date.now());
      return;
    }
    this.runningWatch = null;
    if (seen === null) {
      this.target.watchLost(Date.now());
      return;
    }
    this.display.publish(this.target.watched(seen, Date.now()));
    if (seen.end === 'deleted') this.retire();
    else if (seen.schedule !== null) this.apply(this.target.configure(seen.schedule, Date.now()));
  }

  /** A message, or a check beside it, has made the watch pointless. */
  private giveUpWatchUnlessWanted(): void {
    if (this.target.isWatched) return;
    this.runningWatch?.giveUp();
    this.runningWatch = null;
  }

  /** Beside the checks: a database that hangs must not keep the target from being looked at. */
  private writeUnrecorded(): void {
    const results = this.target.writeStarted();
    const { targetId } = this.input;
    const { currentState: state, dueAt: nextCheckAt } = this.target;
    const write = async (): Promise<void> => {
      try {
        await recordChecks({ targetId, results, state, nextCheckAt });
        this.target.written(results);
      } catch (error) {
        log.warn('results could not be written yet', { error: String(error) });
        this.target.notWritten(Date.now());
      }
      this.hasNews = true;
    };
    void this.inFlight(write());
  }

  private async reloadSchedule(): Promise<void> {
    const askedFor = this.target.reloadStarted();
    try {
      const schedule = await loadSchedule(this.input.targetId);
      if (schedule === null) this.retire();
      else this.apply(this.target.scheduleReloaded(schedule, askedFor, Date.now()));
    } catch (error) {
      log.warn('the schedule could not be read', { error: String(error) });
      this.target.scheduleNotReloaded();
      this.checkNowWaiters.refuse('CheckNotRun');
    }
  }

  /** Counted, so that neither a roll nor the end of the workflow loses its result. */
  private async inFlight(activity: Promise<unknown>): Promise<void> {
    this.activitiesInFlight += 1;
    await activity;
    this.activitiesInFlight -= 1;
  }

  private answerMessages(): void {
    setHandler(configureSignal, (schedule) => this.apply(this.target.configure(schedule, Date.now())));
    setHandler(pauseSignal, ({ version }) => this.apply(this.target.setActive(false, version, Date.now())));
    setHandler(resumeSignal, ({ version }) => this.apply(this.target.setActive(true, version, Date.now())));
    setHandler(retireSignal, () => this.retire());
    setHandler(watchLostSignal, () => this.watchLost());
    setHandler(checkNowUpdate, () => this.checkNow(), { validator: () => this.refuseIfNotWatching() });
    setHandler(statusQuery, () => this.view());
  }

  /** Joins the check that is running, else asks for an extra one. */
  private async checkNow(): Promise<CheckNowAnswer> {
    if (this.runningCheck === null) this.target.wantCheckNow();
    this.hasNews = true;
    return this.checkNowWaiters.next();
  }

  private refuseIfNotWatching(): void {
    if (this.target.isRetired) throw refusal('TargetRetired');
    if (this.target.isPaused) throw refusal('TargetPaused');
  }

  private watchLost(): void {
    if (this.runningWatch === null) return;
    this.target.watchLost(Date.now());
    this.giveUpWatchUnlessWanted();
    this.hasNews = true;
  }

  private retire(): void {
    this.target.retire(Date.now());
    this.apply({ interrupts: true, transition: null });
  }

  private apply({ interrupts, transition }: Change): void {
    this.hasNews = true;
    if (interrupts) this.runningCheck?.interrupt();
    this.giveUpWatchUnlessWanted();
    if (this.target.isRetired) this.checkNowWaiters.refuse('TargetRetired');
    else if (this.target.isPaused) this.checkNowWaiters.refuse('TargetPaused');
    this.display.publish(transition);
    this.describe();
  }

  private describe(): void {
    this.display.describe(this.runningCheck !== null);
  }

  private view(): HttpTargetView {
    return {
      targetId: this.input.targetId,
      words: this.target.words(this.runningCheck !== null),
      schedule: this.target.currentSchedule,
      state: this.target.currentState,
      nextCheckAt: this.target.dueAt,
      unrecordedChecks: this.target.unrecordedCount,
    };
  }
}

function isHistoryLong(): boolean {
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  return continueAsNewSuggested || historyLength >= ROLL_AT_EVENTS;
}
