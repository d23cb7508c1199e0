import { describe, expect, it } from '@jest/globals';
import { Patience } from '../../../src/activities/patience.ts';

function build() {
  const clock = { at: 1_000_000, now: () => clock.at };
  const patience = new Patience(clock);
  /** Looks evenly for so long. @returns the patience of each */
  const look = (perSecond: number, seconds: number): number[] =>
    Array.from({ length: perSecond * seconds }, () => {
      clock.at += 1_000 / perSecond;
      return patience.next();
    });
  return { clock, look };
}

describe('Patience', () => {
  it('lets machines be looked at as often as they need while they are few', () => {
    expect(new Set(build().look(4, 60))).toEqual(new Set([1]));
  });

  it('grows with the looks, up to twelve times, and is another one for each', () => {
    const { look } = build();
    look(20, 30);
    const busy = look(20, 10);
    expect(Math.min(...busy)).toBeGreaterThanOrEqual(3);
    expect(Math.max(...busy)).toBeLessThanOrEqual(5.1);
    expect(new Set(busy).size).toBeGreaterThan(100);
    expect(Math.max(...look(500, 20))).toBeLessThanOrEqual(12);
  });

  it('is gone when it is quiet again', () => {
    const { clock, look } = build();
    look(100, 20);
    clock.at += 60_000;
    expect(look(1, 1)).toEqual([1]);
  });
});
