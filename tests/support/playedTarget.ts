import { freshTarget } from '../../src/domain/carriedTarget.ts';
import type { CheckResult, FailureClass } from '../../src/domain/check.ts';
import type { TargetSchedule } from '../../src/domain/schedule.ts';
import { TargetRun } from '../../src/domain/targetRun.ts';
import { INITIAL_STATE, lastSlotOf, type StatusTransition } from '../../src/domain/targetState.ts';
import type { WatchedTarget } from '../../src/domain/watching.ts';
import { buildFailure, buildResult } from './buildCheck.ts';
import { CountedChecks, type Command } from './countedChecks.ts';
import { PlayedPostgres } from './playedPostgres.ts';
import { PlayedWatch } from './playedWatch.ts';

/** What a look at the target finds, and what becomes of it. */
export interface Look {
  readonly found: 'pass' | FailureClass;
  readonly certificateExpiresAt: number | null;
  /** Postgres takes results. */
  readonly recorded: boolean;
  readonly lateMs: number;
}

/**
 * A target without Temporal, Postgres and workers: the rules of its workflow, driven as the workflow drives them,
 * with everything that may happen to the three.
 */
export class PlayedTarget {
  readonly transitions: StatusTransition[] = [];
  /** Slots that were probed, in that order; without those that nobody remembers. */
  slots: number[] = [];
  readonly counted: CountedChecks;
  readonly postgres: PlayedPostgres;
  watches = 0;
  private readonly targetId: string;
  private schedule: TargetSchedule;
  private run: TargetRun;
  private now: number;
  private watch: PlayedWatch | null = null;
  private isRetried = false;
  private diesBeforeAnswer = false;

  constructor(targetId: string, schedule: TargetSchedule, now: number) {
    this.targetId = targetId;
    this.schedule = schedule;
    this.now = now;
    this.counted = new CountedChecks(schedule);
    this.postgres = new PlayedPostgres(targetId);
    this.run = new TargetRun(targetId, freshTarget(targetId, schedule, INITIAL_STATE, now));
  }

  get current(): TargetRun {
    return this.run;
  }

  /** Goes on until one slot was served or nothing is due. */
  look(look: Look): void {
    for (let steps = 0; steps < 20; steps += 1) {
      const step = this.run.next(this.now);
      if (step.kind === 'check') {
        this.step(step.slot, look);
        return;
      }
      if (step.kind === 'watch') this.beginWatch(step.firstSlot);
      else if (step.kind === 'writeUnrecorded') {
        if (!this.write(look.recorded) && this.run.isPaused) return;
      } else if (step.kind !== 'wait') throw new Error(`unexpected step ${step.kind}`);
      else if (this.watch !== null && this.watch.dueAt <= (step.until ?? Infinity)) {
        this.serve(this.watch, look);
        return;
      } else if (step.until === null) return;
      else this.now = step.until + look.lateMs;
    }
    throw new Error('no check within 20 steps');
  }

  checkNow(look: Look): void {
    this.pass();
    if (this.run.isPaused) return;
    this.run.wantCheckNow();
    this.look(look);
  }

  command(command: Command): void {
    this.pass();
    const { isActive } = this.schedule;
    if (command === (isActive ? 'resume' : 'pause')) return;
    const version = this.schedule.version + 1;
    this.schedule = { ...this.schedule, version, isActive: command === 'configure' ? isActive : !isActive };
    this.counted.command(command, this.now);
    this.postgres.startOver(isActive, this.schedule.isActive, this.now);
    const change =
      command === 'configure'
        ? this.run.configure(this.schedule, this.now)
        : this.run.setActive(this.schedule.isActive, version, this.now);
    this.giveUpWatchUnlessWanted();
    this.publish(change.transition);
  }

  /** Nothing is in flight when a run rolls. */
  roll(): void {
    if (this.watch === null) this.run = new TargetRun(this.targetId, structuredClone(this.run.carried()));
  }

  /** Another worker goes on from the row, or checks again what is stored already. */
  killWorker(): void {
    this.diesBeforeAnswer = false;
    this.isRetried = this.watch === null;
    if (this.watch === null) return;
    this.forgetMemoryOf(this.watch);
    this.watch = this.watch.adopted(this.postgres, this.now);
    const news = this.watch.news(this.now);
    if (news !== null) this.endWatch(this.watch, this.watch.answer(news));
  }

  /** With the next slot that its worker serves: what is stored is stored, and nobody is told. */
  killWorkerBeforeAnswer(): void {
    this.diesBeforeAnswer = this.watch !== null;
  }

  loseWatch(): void {
    this.pass();
    if (this.watch === null) return;
    this.forgetMemoryOf(this.watch);
    this.watch = null;
    this.diesBeforeAnswer = false;
    this.run.watchLost(this.now);
  }

  /** Until the workflow knows all that the row knows. */
  settle(): void {
    if (this.run.isPaused) this.command('resume');
    this.stopWatch();
    this.look({ found: 'pass', certificateExpiresAt: null, recorded: true, lateMs: 0 });
    this.stopWatch();
  }

  private stopWatch(): void {
    if (this.watch !== null) this.endWatch(this.watch, this.watch.answer('stopping'));
  }

  /** Time never stands still between two things that happen, and a message never meets the very slot. */
  private pass(): void {
    this.now += this.watch?.dueAt === this.now + 1 ? 2 : 1;
  }

  private step(slot: number, look: Look): void {
    this.run.checkStarted(slot);
    this.slots.push(slot);
    const result = resultOf(look, slot);
    const before = this.run.currentState;
    if (!look.recorded) {
      this.counted.forgetRowsAfter(lastSlotOf(before));
      this.counted.check(result, 'workflow');
      this.publish(this.run.checked(result, null, this.now));
    } else {
      this.counted.check(result, 'row');
      let recorded = this.postgres.record(result, before, this.schedule, this.now);
      if (this.isRetried) {
        const other = resultOf({ ...look, found: look.found === 'pass' ? 'timeout' : 'pass' }, slot);
        recorded = this.postgres.record(other, before, this.schedule, this.now);
      }
      this.isRetried = false;
      this.publish(this.run.checked(result, recorded, this.now));
    }
    this.giveUpWatchUnlessWanted();
  }

  private write(succeeds: boolean): boolean {
    const results = this.run.writeStarted();
    if (succeeds) {
      this.postgres.recordKept(results, this.run.currentState, this.run.dueAt);
      this.run.written(results);
    } else {
      this.run.notWritten(this.now);
    }
    return succeeds;
  }

  private beginWatch(firstSlot: number): void {
    this.watches += 1;
    const watch = new PlayedWatch(this.targetId, this.schedule, this.run.currentState, firstSlot, this.now);
    this.run.watchStarted(watch.until);
    const refusal = watch.refusal(this.postgres, this.now);
    if (refusal === null) this.watch = watch;
    else this.endWatch(watch, refusal);
  }

  private serve(watch: PlayedWatch, look: Look): void {
    this.now = Math.max(this.now, watch.dueAt) + look.lateMs;
    if (watch.moveOverdueSlot(this.now)) this.now = Math.max(this.now, watch.dueAt);
    if (watch.isOver) {
      this.endWatch(watch, watch.answer('window'));
      return;
    }
    const result = resultOf(look, watch.slot);
    this.slots.push(watch.slot);
    this.counted.check(result, 'worker');
    if (look.recorded) this.counted.told('row');
    const end = watch.serve(result, look.recorded ? this.postgres : null, this.now);
    if (this.diesBeforeAnswer) this.killWorker();
    else if (end !== null) this.endWatch(watch, watch.answer(end));
  }

  private endWatch(watch: PlayedWatch, answer: WatchedTarget): void {
    this.diesBeforeAnswer = false;
    this.counted.told('workflow');
    if (this.watch === watch) this.watch = null;
    this.publish(this.run.watched(answer, this.now));
  }

  /** What is in its memory is handed back, and counts for nothing. */
  private giveUpWatchUnlessWanted(): void {
    if (this.watch === null || this.run.isWatched) return;
    this.counted.forgetWorkers();
    this.run.keepFromWatch(this.watch.answer('revoked'), this.now);
    this.watch = null;
    this.diesBeforeAnswer = false;
  }

  private forgetMemoryOf(watch: PlayedWatch): void {
    this.counted.forgetWorkers();
    const lost = new Set(watch.backlog.map(({ result }) => result.scheduledAt));
    this.slots = this.slots.filter((slot) => !lost.has(slot));
  }

  private publish(transition: StatusTransition | null): void {
    if (transition !== null) this.transitions.push(transition);
  }
}

function resultOf({ found, certificateExpiresAt }: Look, slot: number): CheckResult {
  return found === 'pass'
    ? buildResult({ scheduledAt: slot, certificateExpiresAt })
    : buildFailure({ scheduledAt: slot, failureClass: found });
}
