import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { INITIAL_STATE, pause, reduceCheck, type TargetState } from '../../../src/domain/targetState.ts';
import {
  certificateStage,
  isRoutine,
  steadyChecks,
  watchNews,
  watchWindowMs,
} from '../../../src/domain/watching.ts';
import { buildFailure, buildResult, buildSchedule } from '../../support/buildCheck.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 0, 1);
const schedule = buildSchedule({ failureThreshold: 2, recoveryThreshold: 2 });

/** The state after checks: "+" passed, "-" failed. */
function after(checks: string, certificateExpiresAt: number | null = null): TargetState {
  return Array.from(checks).reduce((state, check, index) => {
    const build = check === '+' ? buildResult : buildFailure;
    return reduceCheck(state, build({ scheduledAt: NOW + index, certificateExpiresAt }), schedule).state;
  }, INITIAL_STATE);
}

describe('#watchWindowMs', () => {
  it.each([
    ['5 s', 5, 0.5, 30 * MINUTE],
    ['15 s', 15, 0.5, 30 * MINUTE],
    ['a minute', 60, 0.5, 2 * HOUR],
    ['5 minutes', 300, 0.5, 10 * HOUR],
    ['an hour', 3_600, 0.5, 12 * HOUR],
    ['5 s, at the shortest', 5, 0, 22.5 * MINUTE],
    ['a day, at the longest', 86_400, 1, 15 * HOUR],
  ])('of an interval of %s', (_name, intervalSeconds, random, windowMs) => {
    expect(watchWindowMs(intervalSeconds * 1_000, random)).toBe(windowMs);
  });

  it('keeps within a quarter of its length, and spreads', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5_000, max: 86_400_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (intervalMs, random) => {
          const middle = watchWindowMs(intervalMs, 0.5);
          const window = watchWindowMs(intervalMs, random);
          expect(Math.abs(window - middle)).toBeLessThanOrEqual(0.25 * middle + 1);
          expect(window).toBeGreaterThanOrEqual(22.5 * MINUTE);
          expect(window).toBeLessThanOrEqual(15 * HOUR);
        },
      ),
    );
  });
});

describe('#certificateStage', () => {
  it.each([
    ['none', null, 0],
    ['31 days', 31 * DAY, 0],
    ['30 days and a millisecond', 30 * DAY + 1, 0],
    ['30 days', 30 * DAY, 1],
    ['14 days', 14 * DAY, 2],
    ['7 days', 7 * DAY, 3],
    ['a day', DAY, 4],
    ['a millisecond', 1, 4],
    ['no time at all', 0, 5],
    ['less than none', -DAY, 5],
  ])('with %s to go', (_name, leftMs, stage) => {
    expect(certificateStage(leftMs === null ? null : NOW + leftMs, NOW)).toBe(stage);
  });
});

describe('#watchNews', () => {
  it.each([
    ['up goes on', 'up', after('++++'), null],
    ['down goes on', 'down', after('+----'), null],
    ['a first failure', 'up', after('+++-'), 'failure'],
    ['up went down', 'up', after('+++--'), 'status'],
    ['down that passed once, of two', 'down', after('--+'), null],
    ['down came up', 'down', after('--++'), 'status'],
    ['paused meanwhile', 'up', pause(after('+++'), NOW).state, 'status'],
  ] as const)('%s', (_name, status, state, news) => {
    expect(watchNews({ status, certificateStage: 0 }, state, NOW)).toBe(news);
  });

  it('tells each stage of a certificate once', () => {
    const state = after('+++', NOW + 10 * DAY);
    expect(watchNews({ status: 'up', certificateStage: 1 }, state, NOW)).toBe('certificate');
    expect(watchNews({ status: 'up', certificateStage: 2 }, state, NOW)).toBeNull();
    expect(watchNews({ status: 'up', certificateStage: 2 }, state, NOW + 3 * DAY)).toBe('certificate');
  });

  it('tells nothing of a certificate that was renewed', () => {
    expect(watchNews({ status: 'up', certificateStage: 4 }, after('+++', NOW + 90 * DAY), NOW)).toBeNull();
  });

  it('tells of a failure rather than of the certificate', () => {
    const state = after('+++-', NOW + DAY);
    expect(watchNews({ status: 'up', certificateStage: 0 }, state, NOW)).toBe('failure');
  });
});

describe('#steadyChecks', () => {
  it.each([
    ['a new target', INITIAL_STATE, 0],
    ['one pass', after('+'), 1],
    ['three passes', after('+++'), 3],
    ['a hundred passes', after('+'.repeat(100)), 3],
    ['a first failure', after('+++-'), 0],
    ['just down', after('+++--'), 2],
    ['down for long', after('-----'), 3],
    ['down that passed once', after('-----+'), 0],
    ['paused', pause(after('+++'), NOW).state, 0],
  ])('of %s', (_name, state, checks) => {
    expect(steadyChecks(state)).toBe(checks);
  });
});

describe('#isRoutine', () => {
  it.each([
    ['a pass while up', buildResult(), 'up', true],
    ['a failure while up', buildFailure(), 'up', false],
    ['a failure while down', buildFailure(), 'down', true],
    ['a pass while down', buildResult(), 'down', false],
  ] as const)('%s', (_name, result, status, routine) => {
    expect(isRoutine(result, status)).toBe(routine);
  });
});
