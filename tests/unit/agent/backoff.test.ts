import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs, obeyedMs, parseRetryAfter, slowRetryMs } from '../../../src/agent/backoff.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the wait after a failed post', () => {
  it('should have a ceiling that doubles from 1 s to 60 s', () => {
    const nearlyOne = (): number => 0.999_999;
    const ceilings = [1, 2, 3, 4, 5, 6, 7, 8, 2_000].map((failures) =>
      Math.round(backoffMs(failures, nearlyOne) / 1_000),
    );
    expect(ceilings).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('should be anywhere below the ceiling, and never nothing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), random, (failures, share) => {
        const wait = backoffMs(failures, () => share);
        expect(wait).toBeGreaterThanOrEqual(100);
        expect(wait).toBeLessThanOrEqual(60_000);
      }),
    );
    expect(backoffMs(7, () => 0.25)).toBe(15_000);
  });

  it('should be minutes where somebody has to do something first', () => {
    expect([slowRetryMs(() => 0), slowRetryMs(() => 0.5)]).toEqual([60_000, 90_000]);
  });

  it('should be what the server asks for and a little, at most 10 minutes', () => {
    expect(obeyedMs(30_000, () => 0)).toBe(30_000);
    expect(obeyedMs(30_000, () => 0.5)).toBe(31_500);
    expect(obeyedMs(86_400_000, () => 0.5)).toBe(600_000);
  });
});

describe('a Retry-After header', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
    ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
  ])('should read %j as %d ms', (header, expected) => {
    expect(parseRetryAfter(header, NOW)).toBe(expected);
  });

  it.each([undefined, '', 'soon', '-5', '1.5', '99999999999999999999'])('should not read %j', (header) => {
    expect(parseRetryAfter(header, NOW)).toBeNull();
  });
});
