import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  BUCKET_LOWER_BOUNDS,
  bucketOf,
  EMPTY_HISTOGRAM,
  histogramOf,
  latencyOf,
  MAX_RELATIVE_ERROR,
  merge,
  percentile,
} from '../../../src/domain/latencyHistogram.ts';

const MAX = 2_147_483_647;
/** As likely 3 ms as 3 minutes. */
const latency = fc
  .tuple(fc.integer({ min: 0, max: 30 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([power, share]) => Math.floor(2 ** power * (1 + share)) - 1);
const latencies = fc.array(latency, { maxLength: 200 });
const share = fc.constantFrom(0.01, 0.5, 0.9, 0.95, 0.99, 1);

/** The least latency that at least this share of all does not exceed. */
function nearestRank(values: readonly number[], of: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(of * sorted.length)) - 1] ?? Number.NaN;
}

describe('#bucketOf', () => {
  it('keeps the bounds that stored rollups were counted by', () => {
    expect(BUCKET_LOWER_BOUNDS).toHaveLength(206);
    expect(BUCKET_LOWER_BOUNDS.slice(0, 20)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 29, 32, 36,
    ]);
    expect(BUCKET_LOWER_BOUNDS.at(-1)).toBeLessThanOrEqual(MAX);
  });

  it.each([
    [-5, 0],
    [0, 0],
    [0.4, 0],
    [1, 1],
    [9, 9],
    [11, 10],
    [12, 11],
    [MAX, 206],
    [MAX * 10, 206],
  ])('puts %d ms into bucket %d', (ms, bucket) => {
    expect(bucketOf(ms)).toBe(bucket);
  });

  it('says of every latency what it is off by at most', () => {
    const worst = [...BUCKET_LOWER_BOUNDS.keys()].map((index) => {
      const low = BUCKET_LOWER_BOUNDS[index] ?? 0;
      const high = (BUCKET_LOWER_BOUNDS[index + 1] ?? MAX + 1) - 1;
      const told = latencyOf(index + 1);
      expect([bucketOf(low), bucketOf(high)]).toEqual([index + 1, index + 1]);
      return Math.max(Math.abs(told - low) / low, Math.abs(told - high) / high);
    });
    expect(Math.max(...worst)).toBeLessThanOrEqual(MAX_RELATIVE_ERROR + 1e-9);
    for (let ms = 0; ms < 10; ms += 1) expect(latencyOf(bucketOf(ms))).toBe(ms);
  });
});

describe('#merge', () => {
  it('is the histogram of all latencies, however they were divided', () => {
    fc.assert(
      fc.property(fc.array(latencies, { maxLength: 6 }), (parts) => {
        expect(merge(parts.map(histogramOf))).toEqual(histogramOf(parts.flat()));
      }),
    );
  });
});

describe('#percentile', () => {
  it('is within 5 % of the true one, over any division into hours', () => {
    fc.assert(
      fc.property(fc.array(latencies, { minLength: 1, maxLength: 6 }), share, (parts, of) => {
        const told = percentile(merge(parts.map(histogramOf)), of);
        if (parts.flat().length === 0) {
          expect(told).toBeNull();
          return;
        }
        const truth = nearestRank(parts.flat(), of);
        expect(Math.abs((told ?? Number.NaN) - truth)).toBeLessThanOrEqual(truth * MAX_RELATIVE_ERROR + 1e-9);
      }),
    );
  });

  it('is null without any', () => {
    expect(percentile(EMPTY_HISTOGRAM, 0.5)).toBeNull();
  });
});
