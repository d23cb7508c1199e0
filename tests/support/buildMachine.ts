import type { HeartbeatJudgement, HeartbeatSchedule, HeartbeatState } from '../../src/domain/heartbeat.ts';

export function buildHeartbeatSchedule(overrides: Partial<HeartbeatSchedule> = {}): HeartbeatSchedule {
  return { version: 1, hostname: 'web-1', isActive: true, thresholdSeconds: 300, ...overrides };
}

export function buildHeartbeatState(overrides: Partial<HeartbeatState> = {}): HeartbeatState {
  return { status: 'up', episode: 0, lastSeenAt: null, lastStateChangeAt: null, ...overrides };
}

export function knownJudgement(
  schedule: HeartbeatSchedule,
  state: HeartbeatState,
  remainingMs: number,
): HeartbeatJudgement {
  return { kind: 'known', schedule, state, remainingMs };
}
