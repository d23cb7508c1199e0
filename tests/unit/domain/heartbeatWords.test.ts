import { describe, expect, it } from '@jest/globals';
import { describeMachine } from '../../../src/domain/heartbeatWords.ts';
import { buildHeartbeatSchedule, buildHeartbeatState } from '../../support/buildMachine.ts';

const AT = Date.UTC(2026, 0, 1, 12, 0, 5);
const schedule = buildHeartbeatSchedule({ thresholdSeconds: 300 });
const up = buildHeartbeatState({ lastSeenAt: AT, lastStateChangeAt: AT });

describe('describeMachine', () => {
  it('says of a machine that is up when it last reported, and when it is looked at again', () => {
    expect(describeMachine({ schedule, state: up, askAt: AT + 302_000 })).toBe(
      'up, last report seen 12:00:05, looks again 12:05:07, down after 5 min of silence',
    );
  });

  it('says since when a machine is down, and what it was allowed', () => {
    const state = buildHeartbeatState({
      status: 'down',
      lastSeenAt: AT,
      lastStateChangeAt: AT + 301_000,
      episode: 1,
    });
    expect(describeMachine({ schedule, state })).toBe(
      'down since 2026-01-01T12:05:06Z, last report 2026-01-01T12:00:05Z, 5 min of silence allowed',
    );
  });

  it('says why a machine cannot be judged', () => {
    expect(describeMachine({ schedule, state: up, askAt: AT, trouble: 'ingestAway' })).toContain(
      'cannot be judged now because no API process takes reports, looks again 12:00:05',
    );
    expect(describeMachine({ schedule, state: up, askAt: AT, trouble: 'unavailable' })).toContain(
      'because Postgres does not answer',
    );
  });

  it('says that it waits for a first report, for one after a pause, or for nothing', () => {
    const unknown = buildHeartbeatState({ status: 'unknown' });
    expect(describeMachine({ schedule, state: unknown })).toBe('waiting for the first report');
    expect(describeMachine({ schedule, state: { ...unknown, lastSeenAt: AT } })).toBe(
      'waiting for a report, down after 5 min of silence',
    );
    expect(describeMachine({ schedule: { ...schedule, isActive: false }, state: up })).toBe('paused');
  });
});
