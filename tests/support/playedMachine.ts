import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { HeartbeatActivities } from '../../src/activities/contracts.ts';
import {
  silentSince,
  type HeartbeatJudgement,
  type HeartbeatSchedule,
  type HeartbeatState,
  type MachineNews,
  type MachineStatus,
} from '../../src/domain/heartbeat.ts';
import type { machineHeartbeat } from '../../src/workflows/index.ts';
import { buildHeartbeatSchedule, buildHeartbeatState } from './buildMachine.ts';
import type { TimeSkipping } from './timeSkipping.ts';

export type MachineHandle = WorkflowHandleWithFirstExecutionRunId<typeof machineHeartbeat>;

/** A little more than 30 s, so that reports and looks do not always meet in the same way. */
const REPORTS_EVERY_MS = 31_000;
const PULSE_EVERY_MS = 1_000;

/**
 * A machine with its agent, its row and the judgement of Postgres, in skipped time: it reports every 31 s unless it is
 * silent, and is judged by the same rules as the SQL.
 */
export class PlayedMachine {
  readonly machineId = crypto.randomUUID();
  readonly transitions: { readonly to: MachineStatus; readonly at: number }[] = [];
  schedule: HeartbeatSchedule;
  /** How often Postgres was asked. */
  asked = 0;
  isDeleted = false;
  private readonly temporal: TimeSkipping;
  private state: HeartbeatState;
  private silentSince: number | null = null;
  private away: { readonly what: 'ingest' | 'postgres'; readonly since: number } | null = null;
  /** Outages of ingest, the last one at the end. */
  private readonly outages: { readonly began: number; readonly ended: number }[] = [];

  private constructor(temporal: TimeSkipping, schedule: HeartbeatSchedule, now: number) {
    this.temporal = temporal;
    this.schedule = schedule;
    this.state = buildHeartbeatState({ status: 'up', lastSeenAt: now, lastStateChangeAt: now });
  }

  static async begin(
    temporal: TimeSkipping,
    overrides: Partial<HeartbeatSchedule> = {},
  ): Promise<PlayedMachine> {
    return new PlayedMachine(temporal, buildHeartbeatSchedule(overrides), await temporal.now());
  }

  /** What its row says now. */
  get row(): HeartbeatState {
    return this.state;
  }

  get news(): MachineNews {
    return { schedule: this.schedule, state: this.state };
  }

  activities(): HeartbeatActivities {
    return {
      judgeHeartbeat: async () => this.judge(await this.temporal.now()),
      sweepHeartbeats: () => Promise.reject(new Error('there is no sweep here')),
    };
  }

  start(taskQueue: string): Promise<MachineHandle> {
    const { machineId } = this;
    return this.temporal.env.client.workflow.start<typeof machineHeartbeat>('machineHeartbeat', {
      workflowId: `machine-heartbeat/${machineId}`,
      taskQueue,
      args: [{ machineId, clientId: crypto.randomUUID(), installationId: 'test', ...this.news }],
    });
  }

  /** @returns since when, UTC milliseconds */
  async fallSilent(): Promise<number> {
    const now = await this.temporal.now();
    this.seeReports(now);
    this.silentSince = now;
    return now;
  }

  /** It reports again; ingest brings it up where it was not. @returns whether it was not up */
  async comeBack(): Promise<boolean> {
    const now = await this.temporal.now();
    this.silentSince = null;
    const cameUp = this.state.status !== 'up';
    this.state = { ...this.state, lastSeenAt: now };
    if (cameUp) this.change('up', now);
    return cameUp;
  }

  async setActive(isActive: boolean): Promise<void> {
    const now = await this.temporal.now();
    this.seeReports(now);
    this.schedule = { ...this.schedule, isActive, version: this.schedule.version + 1 };
    this.change(isActive ? 'unknown' : 'paused', now);
  }

  configure(overrides: Partial<HeartbeatSchedule>): void {
    this.schedule = { ...this.schedule, ...overrides, version: this.schedule.version + 1 };
  }

  /** From now on no API process takes reports, or Postgres is away altogether. */
  async beginOutage(what: 'ingest' | 'postgres'): Promise<void> {
    const since = await this.temporal.now();
    this.seeReports(since);
    this.away = { what, since };
  }

  async endOutage(): Promise<void> {
    if (this.away === null) return;
    this.outages.push({ began: this.away.since, ended: await this.temporal.now() });
    this.away = null;
  }

  private judge(now: number): HeartbeatJudgement {
    this.asked += 1;
    if (this.away?.what === 'postgres') return { kind: 'unavailable' };
    if (this.isDeleted) return { kind: 'deleted' };
    this.seeReports(now);
    const remainingMs = this.deadline() - now;
    const pulse = this.away === null ? now - (now % PULSE_EVERY_MS) : this.away.since;
    const counts = silentSince(this.state) !== null && this.schedule.isActive;
    if (counts && pulse >= this.deadline()) {
      this.state = { ...this.state, episode: this.state.episode + 1 };
      this.change('down', now);
    } else if (counts && remainingMs <= 0 && this.away !== null) {
      return { kind: 'ingestAway' };
    }
    return { kind: 'known', ...this.news, remainingMs };
  }

  /** As `heartbeat_deadline` in Postgres. */
  private deadline(): number {
    const seenAt = silentSince(this.state) ?? 0;
    const thresholdMs = this.schedule.thresholdSeconds * 1_000;
    const outages = this.outages.filter(({ ended }) => ended > seenAt);
    const missedMs = outages.reduce((sum, { began, ended }) => sum + ended - Math.max(began, seenAt), 0);
    const afterLast = Math.max(0, ...outages.map(({ ended }) => ended)) + 120_000;
    return Math.max(seenAt + thresholdMs + missedMs, outages.length === 0 ? 0 : afterLast);
  }

  /** All reports that came since the last look; ingest takes none while it is away. */
  private seeReports(now: number): void {
    if (this.state.status !== 'up' || this.silentSince !== null || this.away !== null) return;
    const seenAt = this.state.lastSeenAt ?? now;
    const since = Math.max(seenAt, this.outages.at(-1)?.ended ?? 0);
    if (now - since < REPORTS_EVERY_MS) return;
    this.state = { ...this.state, lastSeenAt: now - ((now - since) % REPORTS_EVERY_MS) };
  }

  private change(to: MachineStatus, at: number): void {
    this.state = { ...this.state, status: to, lastStateChangeAt: at };
    this.transitions.push({ to, at });
  }
}
