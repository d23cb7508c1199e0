import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CheckResult } from '../../../src/domain/check.ts';
import {
  INITIAL_STATE,
  isConfirmingFailure,
  nextCheckAt,
  pause,
  reduceCheck,
  resume,
  type StatusTransition,
  type TargetState,
} from '../../../src/domain/targetState.ts';
import { buildFailure, buildResult, buildSchedule } from '../../support/buildCheck.ts';

const START = Date.UTC(2026, 0, 1);
type Seen = 'pass' | 'fail' | 'ours';
const seen = fc.constantFrom<Seen>('pass', 'fail', 'ours');
const threshold = fc.integer({ min: 1, max: 5 });

function resultOf(kind: Seen, index: number): CheckResult {
  const scheduledAt = START + index * 60_000;
  if (kind === 'pass') return buildResult({ scheduledAt });
  return buildFailure({ scheduledAt, ...(kind === 'ours' ? { failureClass: 'monitor' as const } : {}) });
}

function run(kinds: readonly Seen[], failureThreshold: number, recoveryThreshold: number) {
  let state: TargetState = INITIAL_STATE;
  const transitions: StatusTransition[] = [];
  const states: TargetState[] = [];
  kinds.forEach((kind, index) => {
    const reduction = reduceCheck(state, resultOf(kind, index), { failureThreshold, recoveryThreshold });
    state = reduction.state;
    states.push(state);
    if (reduction.transition !== null) transitions.push(reduction.transition);
  });
  return { state, states, transitions };
}

describe('#reduceCheck', () => {
  it('says DOWN exactly when the threshold of failures in a row is met, and UP after that of passes', () => {
    fc.assert(
      fc.property(fc.array(seen, { maxLength: 60 }), threshold, threshold, (kinds, failures, passes) => {
        // The same rule, told another way: by looking back over the results that count.
        const counting = kinds.filter((kind) => kind !== 'ours');
        let expected = 'unknown';
        counting.forEach((_, index) => {
          const past = counting.slice(0, index + 1);
          const endsWith = (kind: Seen, length: number) =>
            past.length >= length && past.slice(-length).every((other) => other === kind);
          if (endsWith('fail', failures)) expected = 'down';
          else if (expected === 'unknown' ? endsWith('pass', 1) : endsWith('pass', passes)) expected = 'up';
        });
        expect(run(kinds, failures, passes).state.status).toBe(expected);
      }),
    );
  });

  it('never changes status, streak or episode for a fault of ours', () => {
    fc.assert(
      fc.property(fc.array(seen, { maxLength: 40 }), threshold, threshold, (kinds, failures, passes) => {
        const withOurs = run(kinds, failures, passes).state;
        const without = run(
          kinds.filter((kind) => kind !== 'ours'),
          failures,
          passes,
        ).state;
        for (const field of ['status', 'consecutiveFailures', 'consecutivePasses', 'episode'] as const) {
          expect(withOurs[field]).toBe(without[field]);
        }
      }),
    );
  });

  it('numbers the faults: one episode each time the target goes down', () => {
    fc.assert(
      fc.property(fc.array(seen, { maxLength: 60 }), threshold, threshold, (kinds, failures, passes) => {
        const { state, transitions } = run(kinds, failures, passes);
        const downs = transitions.filter(({ to }) => to === 'down');
        expect(downs.map(({ episode }) => episode)).toEqual(downs.map((_, index) => index + 1));
        expect(state.episode).toBe(downs.length);
        for (const { from, to } of transitions) expect(from).not.toBe(to);
      }),
    );
  });

  it('leaves a paused target alone', () => {
    const paused = pause(INITIAL_STATE, START).state;
    expect(reduceCheck(paused, resultOf('fail', 1), { failureThreshold: 1, recoveryThreshold: 1 })).toEqual({
      state: paused,
      transition: null,
    });
  });

  it('remembers when the certificate ends while later checks do not come that far', () => {
    const first = reduceCheck(INITIAL_STATE, buildResult({ certificateExpiresAt: 42 }), buildSchedule());
    expect(reduceCheck(first.state, buildFailure(), buildSchedule()).state.certificateExpiresAt).toBe(42);
  });
});

describe('#pause and #resume', () => {
  it('forget the streaks and start over from UNKNOWN', () => {
    const failing = run(['pass', 'fail'], 2, 1).state;
    const paused = pause(failing, START);
    expect(paused.transition).toEqual({ from: 'up', to: 'paused', at: START, episode: 0 });
    expect(pause(paused.state, START + 1).transition).toBeNull();
    const resumed = resume(paused.state, START + 2);
    expect(resumed.state).toMatchObject({
      status: 'unknown',
      consecutiveFailures: 0,
      lastStateChangeAt: START + 2,
    });
    expect(resume(resumed.state, START + 3).transition).toBeNull();
  });
});

describe('#nextCheckAt', () => {
  it('is a retry interval later between a first failure and DOWN, and only then', () => {
    const schedule = buildSchedule({ intervalSeconds: 300, retryIntervalSeconds: 30 });
    fc.assert(
      fc.property(fc.uuid(), fc.array(seen, { minLength: 1, maxLength: 20 }), (id, kinds) => {
        const { state } = run(kinds, 3, 1);
        const slot = START + (kinds.length - 1) * 60_000;
        const wait = nextCheckAt(id, state, schedule, slot, slot) - slot;
        expect(wait).toBeGreaterThan(0);
        if (isConfirmingFailure(state)) expect(wait).toBe(30_000);
        else expect(wait).toBeLessThanOrEqual(300_000);
      }),
    );
  });

  it('skips slots that passed while the check ran, and keeps the phase', () => {
    const schedule = buildSchedule({ intervalSeconds: 5, retryIntervalSeconds: 5 });
    const { state } = run(['pass'], 2, 1);
    fc.assert(
      fc.property(fc.uuid(), fc.nat(5_400), (id, tookMs) => {
        const slot = nextCheckAt(id, state, schedule, START, START);
        const next = nextCheckAt(id, state, schedule, slot, slot + tookMs);
        expect(next - slot).toBe(5_000);
      }),
    );
    expect(nextCheckAt('id', state, schedule, START, START + 60_000) - START).toBeGreaterThanOrEqual(59_000);
  });
});
