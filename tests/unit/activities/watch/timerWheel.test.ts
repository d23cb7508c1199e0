import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TimerWheel } from '../../../../src/activities/watch/timerWheel.ts';

const START = Date.UTC(2026, 0, 1);
/** What is due within a tick of another may happen with it, never before its time. */
const TICK_MS = 20;

let wheel: TimerWheel;
let stalls: number[];
let happened: { what: string; after: number }[];

beforeEach(() => {
  jest.useFakeTimers({ now: START });
  stalls = [];
  happened = [];
  wheel = new TimerWheel({ clock: { now: () => Date.now() }, onStall: (ms) => stalls.push(ms) });
});

afterEach(() => {
  wheel.stop();
  jest.useRealTimers();
});

/** Something is to happen so long after the start. */
function plan(afterMs: number, what = String(afterMs)) {
  return wheel.at(START + afterMs, () => happened.push({ what, after: Date.now() - START }));
}

function names(): string[] {
  return happened.map(({ what }) => what);
}

describe('TimerWheel', () => {
  it('lets nothing happen early, and nothing more than a tick late', () => {
    const delays = [0, 1, 19, 20, 21, 333, 999, 1_000, 1_001, 59_999, 3_600_000];
    for (const delay of delays) plan(delay);
    jest.advanceTimersByTime(3_600_000);
    expect(happened).toHaveLength(delays.length);
    for (const { what, after } of happened) {
      expect(after).toBeGreaterThanOrEqual(Number(what));
      expect(after).toBeLessThan(Number(what) + 2 * TICK_MS);
    }
    expect(stalls).toEqual([]);
  });

  it('keeps the order of what is due, in whatever order it was asked for', () => {
    for (const delay of [5_000, 100, 60_000, 2_000, 140]) plan(delay);
    jest.advanceTimersByTime(60_000);
    expect(names()).toEqual(['100', '140', '2000', '5000', '60000']);
  });

  it('keeps the order of what is overdue when the process stood still', () => {
    for (const delay of [900, 300, 600]) plan(delay);
    jest.setSystemTime(START + 10_000);
    jest.advanceTimersToNextTimer();
    expect(names()).toEqual(['300', '600', '900']);
  });

  it('does at once what is asked for too late', () => {
    plan(-5_000, 'overdue');
    jest.advanceTimersByTime(2 * TICK_MS);
    expect(names()).toEqual(['overdue']);
  });

  it('does not do what was cancelled, also by what happens in the same tick', () => {
    const ticket = plan(1_000, 'cancelled before');
    wheel.at(START + 1_000, () => later.cancel());
    const later = plan(1_000, 'cancelled by the other');
    plan(1_000, 'kept');
    ticket.cancel();
    jest.advanceTimersByTime(2_000);
    expect(names()).toEqual(['kept']);
  });

  it.each([
    ['little', 0],
    ['much', 1_000],
  ])('serves what is asked for by what happens, with %s else to do', (_name, others) => {
    for (let index = 0; index < others; index += 1) plan(10_000 + index * TICK_MS);
    wheel.at(START + 100, () => plan(100, 'at once'));
    wheel.at(START + 100, () => plan(500, 'later'));
    jest.advanceTimersByTime(1_000);
    expect(names()).toEqual(['at once', 'later']);
  });

  it('wakes earlier for what is asked for while it sleeps', () => {
    plan(60_000);
    jest.advanceTimersByTime(10);
    plan(100);
    jest.advanceTimersByTime(150);
    expect(names()).toEqual(['100']);
  });

  it('keeps one timer for thousands of appointments, each of which happens once', () => {
    const run = jest.fn();
    for (let index = 0; index < 10_000; index += 1) wheel.at(START + 500, run);
    for (let index = 0; index < 10_000; index += 1) wheel.at(START + index * 6, run);
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(60_100);
    expect(run).toHaveBeenCalledTimes(20_000);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('tells for how long the process stood still, but not that it had nothing to do', () => {
    plan(60_000);
    jest.advanceTimersByTime(60_020);
    jest.advanceTimersByTime(3_600_000);
    plan(3_661_000);
    jest.advanceTimersByTime(1_000);
    expect(stalls).toEqual([]);
    plan(3_665_000);
    jest.setSystemTime(START + 3_675_000);
    jest.advanceTimersToNextTimer();
    expect(stalls).toHaveLength(1);
    expect(stalls[0]).toBeGreaterThan(9_000);
    expect(stalls[0]).toBeLessThan(14_100);
  });

  it('serves what is asked for after the clock was set back, and what was asked for before', () => {
    plan(1_000, 'served');
    jest.advanceTimersByTime(1_100);
    plan(3_000, 'asked for before');
    jest.setSystemTime(START - 60_000);
    plan(-59_500, 'asked for after');
    jest.advanceTimersByTime(1_000);
    expect(names()).toEqual(['served', 'asked for after']);
    jest.advanceTimersByTime(63_000);
    expect(names()).toEqual(['served', 'asked for after', 'asked for before']);
  });

  it('does nothing more when it is stopped', () => {
    plan(100);
    wheel.stop();
    plan(200);
    jest.advanceTimersByTime(1_000);
    expect(happened).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
