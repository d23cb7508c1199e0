import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planBuckets, windowBefore } from '../../../src/domain/statisticsRange.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 0, 31, 8, 12, 44, 120);
const UNITS = { checks: 1_000, hours: HOUR, days: DAY };

describe('#planBuckets', () => {
  it('covers the span with at most as many buckets as asked for, of whole units', () => {
    const ago = fc.integer({ min: 1, max: 1_000 * DAY });
    fc.assert(
      fc.property(
        ago,
        fc.integer({ min: 1, max: 400 * DAY }),
        fc.integer({ min: 1, max: 500 }),
        (back, length, max) => {
          const from = NOW - back;
          const to = Math.min(from + length, NOW);
          const range = planBuckets({ from, to }, max, NOW);
          const unit = UNITS[range.source];
          expect(range.widthMs % unit).toBe(0);
          expect(Math.ceil((range.to - range.from) / range.widthMs)).toBeLessThanOrEqual(max);
          expect(range.to).toBeGreaterThanOrEqual(to);
          if (range.source === 'checks') expect(range.from).toBeGreaterThanOrEqual(NOW - DAY);
          else {
            expect(range.from % unit).toBe(0);
            expect(range.from).toBeLessThanOrEqual(from);
            expect(from - range.from).toBeLessThan(unit);
          }
        },
      ),
    );
  });

  it.each([
    ['the last day', DAY, 0, 60, { source: 'checks', widthMs: 24 * 60_000 }],
    ['the last day, asked for a moment ago', DAY + 300, 0, 60, { source: 'checks', from: NOW - DAY }],
    ['an hour of a day that is over', 2 * DAY, 2 * DAY - HOUR, 60, { source: 'hours', widthMs: HOUR }],
    ['a week', 7 * DAY, 0, 60, { source: 'hours', widthMs: 3 * HOUR }],
    ['90 days', 90 * DAY, 0, 60, { source: 'days', widthMs: 2 * DAY }],
    ['two days of last year', 365 * DAY, 363 * DAY, 60, { source: 'days', widthMs: DAY }],
  ])('takes %s from what is kept of it', (_name, fromAgo, toAgo, buckets, expected) => {
    expect(planBuckets({ from: NOW - fromAgo, to: NOW - toAgo }, buckets, NOW)).toMatchObject(expected);
  });
});

describe('#windowBefore', () => {
  it('begins with the full hour', () => {
    expect(windowBefore(NOW, 7)).toEqual({ from: Date.UTC(2026, 0, 24, 8), to: NOW });
  });
});
