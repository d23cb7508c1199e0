import { describe, expect, it } from '@jest/globals';
import { INITIAL_STATE, pause, reduceCheck } from '../../../src/domain/targetState.ts';
import { describeTarget } from '../../../src/domain/words.ts';
import { buildFailure, buildResult, buildSchedule } from '../../support/buildCheck.ts';

const NEXT = Date.UTC(2026, 0, 1, 12, 0, 5);
const schedule = buildSchedule({ failureThreshold: 2 });
const up = reduceCheck(INITIAL_STATE, buildResult(), schedule).state;
const doubtful = reduceCheck(up, buildFailure(), schedule).state;
const down = reduceCheck(doubtful, buildFailure({ scheduledAt: NEXT }), schedule).state;

describe('#describeTarget', () => {
  it.each([
    ['a target that is up', up, 'up, 200 in 34 ms, next check 12:00:05'],
    [
      'a first failure',
      doubtful,
      'up, connect: Connection refused by 127.0.0.1:1 (1 in a row, to be confirmed), next check 12:00:05',
    ],
    [
      'a target that is down',
      down,
      'down since 2026-01-01T12:00:05Z, connect: Connection refused by 127.0.0.1:1, next check 12:00:05',
    ],
    ['a new target', INITIAL_STATE, 'waiting for the first check, next check 12:00:05'],
    ['a paused target', pause(up, NEXT).state, 'paused'],
  ])('tells of %s in one line', (_name, state, words) => {
    expect(describeTarget(state, NEXT)).toBe(words);
  });

  it('says what it is doing and what it waits for', () => {
    expect(describeTarget(up, NEXT, { checking: true, unrecorded: 3 })).toBe(
      'up, 200 in 34 ms, checking now, 3 results wait for Postgres',
    );
  });

  it.each([
    ['of a watch', {}, 'up, 200 in 34 ms, watched until 12:30:00'],
    [
      'of a check beside a watch',
      { checking: true },
      'up, 200 in 34 ms, watched until 12:30:00, checking now',
    ],
  ])('says until when a target is watched: %s', (_name, extra, words) => {
    const watchedUntil = Date.UTC(2026, 0, 1, 12, 30);
    expect(describeTarget(up, NEXT, { ...extra, watchedUntil })).toBe(words);
  });

  it('tells of the last watch', () => {
    const lastWatch = { checks: 180, ok: 179, p50Ms: 3, p95Ms: 7, p99Ms: 9, latenessP99Ms: 40 };
    expect(describeTarget(up, NEXT, { lastWatch, unrecorded: 1 })).toBe(
      'up, 200 in 34 ms, next check 12:00:05, last watch 179 of 180 ok, p50 3 ms, p99 9 ms, 1 result waits for Postgres',
    );
  });

  it('tells of a last watch in which nothing passed', () => {
    const lastWatch = { checks: 20, ok: 0, p50Ms: null, p95Ms: null, p99Ms: null, latenessP99Ms: 40 };
    expect(describeTarget(pause(down, NEXT).state, null, { lastWatch })).toBe(
      'paused, last watch 0 of 20 ok',
    );
  });
});
