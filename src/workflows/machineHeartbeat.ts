import {
  allHandlersFinished,
  condition,
  isCancellation,
  log,
  makeContinueAsNewFunc,
  proxyLocalActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { HeartbeatActivities } from '../activities/contracts.ts';
import { upgradeCarriedMachine } from '../domain/carriedMachine.ts';
import type { HeartbeatJudgement, MachineNews } from '../domain/heartbeat.ts';
import { HeartbeatRun } from '../domain/heartbeatRun.ts';
import { MachineDisplay } from './machineDisplay.ts';
import {
  configureMachineSignal,
  machineStatusQuery,
  retireMachineSignal,
  seenSignal,
  type MachineHeartbeatInput,
  type MachineHeartbeatView,
} from './machineMessages.ts';

/**
 * A run is rolled into a new one when its history is this long or this old. Very short, because workflows of machines
 * wake so rarely that they are replayed each time: three looks.
 */
const ROLL_AT_EVENTS = 18;
const ROLL_AT_AGE_MS = 24 * 3_600_000;

/** The activity answers within 300 ms, so a local one keeps nobody waiting, and it costs less than half of a regular one. */
const { judgeHeartbeat } = proxyLocalActivities<HeartbeatActivities>({
  startToCloseTimeout: '2s',
  retry: { maximumAttempts: 1 },
});

/**
 * Watches the heartbeat of one machine for as long as it exists: sleeps on a durable timer until the machine would be
 * silent for too long, lets Postgres judge, shows what it said, loops. Posts of the machine do not wake it while it is
 * up: Postgres knows of them when it is asked. The rules are in `HeartbeatRun`; here is what they need of Temporal.
 */
export async function machineHeartbeat(input: MachineHeartbeatInput): Promise<void> {
  await new MachineHeartbeatWorkflow(input).run();
}

class MachineHeartbeatWorkflow {
  private readonly input: MachineHeartbeatInput;
  private readonly machine: HeartbeatRun;
  private readonly display: MachineDisplay;
  private readonly startedAt = Date.now();
  private hasNews = false;

  constructor(input: MachineHeartbeatInput) {
    this.input = input;
    this.machine =
      input.carried === undefined
        ? HeartbeatRun.begin(input, this.startedAt)
        : new HeartbeatRun(upgradeCarriedMachine(input.carried));
    this.display = new MachineDisplay(this.machine, input);
    this.answerMessages();
  }

  async run(): Promise<void> {
    for (;;) {
      this.hasNews = false;
      this.display.describe();
      const step = this.machine.next(Date.now());
      switch (step.kind) {
        case 'end':
          return;
        case 'judge':
          await this.judge();
          break;
        case 'wait':
          await this.wait(step.until);
      }
      if (this.shouldRoll()) await this.roll();
    }
  }

  private async judge(): Promise<void> {
    const judgement = await this.askPostgres();
    this.machine.judged(judgement, Date.now(), Math.random());
    this.display.publish();
  }

  private async askPostgres(): Promise<HeartbeatJudgement> {
    try {
      return await judgeHeartbeat(this.input.machineId);
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('the heartbeat could not be judged', { error: String(error) });
      return { kind: 'unavailable' };
    }
  }

  /** Sleeps on a durable timer, or until a message comes. */
  private async wait(until: number | null): Promise<void> {
    if (until === null) await condition(() => this.hasNews);
    else await condition(() => this.hasNews, Math.max(1, until - Date.now()));
  }

  /** Asked after each step, so just after something woke the workflow. */
  private shouldRoll(): boolean {
    if (this.machine.isRetired || !allHandlersFinished()) return false;
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    const isLong = continueAsNewSuggested || historyLength >= ROLL_AT_EVENTS;
    return isLong || Date.now() - this.startedAt >= ROLL_AT_AGE_MS;
  }

  /** Left to itself, the next run would start with the memo and the search attributes of the first. */
  private async roll(): Promise<never> {
    const { memo, typedSearchAttributes } = workflowInfo();
    const continueAsNew = makeContinueAsNewFunc<typeof machineHeartbeat>({
      typedSearchAttributes,
      ...(memo === undefined ? {} : { memo }),
    });
    const carried = this.machine.carried();
    return continueAsNew({ ...this.input, schedule: carried.schedule, state: carried.state, carried });
  }

  private answerMessages(): void {
    setHandler(seenSignal, (news) => this.told(news));
    setHandler(configureMachineSignal, (news) => this.told(news));
    setHandler(retireMachineSignal, () => {
      this.machine.retire();
      this.hasNews = true;
    });
    setHandler(machineStatusQuery, () => this.view());
  }

  private told(news: MachineNews): void {
    this.machine.told(news, Date.now());
    this.hasNews = true;
    this.display.publish();
    this.display.describe();
  }

  private view(): MachineHeartbeatView {
    return {
      machineId: this.input.machineId,
      words: this.machine.words(),
      schedule: this.machine.currentSchedule,
      state: this.machine.currentState,
      nextAskAt: this.machine.nextAskAt,
    };
  }
}
