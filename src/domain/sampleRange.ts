import { aligned, HOURLY_ROLLUPS_MS, wholeUnits } from './statisticsRange.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The longest span that is read sample by sample: a day, also the one on which the clocks go back. */
export const SINGLE_SAMPLES_MS = 25 * HOUR_MS;

/** A span of time, cut into equal buckets of what is kept of it. UTC milliseconds. */
export interface SampleRange {
  readonly from: number;
  /** Excluded. */
  readonly to: number;
  readonly widthMs: number;
  /** Single samples, hourly or daily rollups: buckets are whole seconds, hours, or UTC days. */
  readonly source: 'samples' | 'hours' | 'days';
}

/**
 * Cuts a span into at most `buckets` buckets. A span of a day at most, of which single samples are kept, is cut into
 * whole seconds from `from` on. Otherwise buckets are whole hours, on the hour, or whole UTC days where they would be
 * wider than a day or where hours are not kept any more, and the span grows to their borders.
 *
 * @param kept since when single samples are kept, and what time it is; UTC milliseconds
 */
export function planSampleBuckets(
  { from, to }: { readonly from: number; readonly to: number },
  buckets: number,
  kept: { readonly since: number; readonly now: number },
): SampleRange {
  if (to - from <= SINGLE_SAMPLES_MS && from >= kept.since) {
    return { from, to, widthMs: wholeUnits(to - from, buckets, SECOND_MS), source: 'samples' };
  }
  const byHour = aligned({ from, to }, buckets, HOUR_MS);
  if (byHour.widthMs < DAY_MS && byHour.from >= kept.now - HOURLY_ROLLUPS_MS) {
    return { ...byHour, source: 'hours' };
  }
  return { ...aligned({ from, to }, buckets, DAY_MS), source: 'days' };
}
