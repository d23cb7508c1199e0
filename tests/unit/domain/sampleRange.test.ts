import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planSampleBuckets } from '../../../src/domain/sampleRange.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 0, 31, 8, 12, 44, 120);
const KEPT = { since: NOW - 90 * DAY, now: NOW };
const UNITS = { samples: SECOND, hours: HOUR, days: DAY };

describe('#planSampleBuckets', () => {
  it('covers the span with at most as many buckets as asked for, of whole units that are kept', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 * DAY }),
        fc.integer({ min: 1, max: 400 * DAY }),
        fc.integer({ min: 1, max: 1_000 }),
        (back, length, max) => {
          const from = NOW - back;
          const to = from + length;
          const range = planSampleBuckets({ from, to }, max, KEPT);
          const unit = UNITS[range.source];
          expect(range.widthMs % unit).toBe(0);
          expect(Math.ceil((range.to - range.from) / range.widthMs)).toBeLessThanOrEqual(max);
          expect(range.from).toBeLessThanOrEqual(from);
          expect(range.to).toBeGreaterThanOrEqual(to);
          expect(Math.max(from - range.from, range.to - to)).toBeLessThan(unit);
          if (range.source === 'samples') expect(from).toBeGreaterThanOrEqual(KEPT.since);
        },
      ),
    );
  });

  it.each([
    ['the last hour', HOUR, 0, 60, { source: 'samples', widthMs: 60 * SECOND, from: NOW - HOUR }],
    ['the day on which clocks go back', 25 * HOUR, 0, 100, { source: 'samples', widthMs: 900 * SECOND }],
    ['an hour of last week', 7 * DAY, 7 * DAY - HOUR, 1_000, { source: 'samples', widthMs: 4 * SECOND }],
    ['a week', 7 * DAY, 0, 1_000, { source: 'hours', widthMs: HOUR }],
    ['90 days', 90 * DAY, 0, 60, { source: 'days', widthMs: 2 * DAY }],
    ['an hour whose samples are gone', 91 * DAY, 91 * DAY - HOUR, 60, { source: 'hours', widthMs: HOUR }],
    ['an hour whose hours are gone', 120 * DAY, 120 * DAY - HOUR, 60, { source: 'days', widthMs: DAY }],
  ])('takes %s from what is kept of it', (_name, fromAgo, toAgo, buckets, expected) => {
    const span = { from: NOW - fromAgo, to: NOW - toAgo };
    expect(planSampleBuckets(span, buckets, KEPT)).toMatchObject(expected);
  });
});
