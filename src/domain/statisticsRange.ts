const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How far back single checks are read; what is older comes from rollups. */
export const RAW_CHECKS_MS = DAY_MS;
/** A client that means "the last 24 hours" asks a moment later than it read its clock. */
const TOLERANCE_MS = 60_000;
/** Hourly rollups are there for longer than this; before, there are days only. */
export const HOURLY_ROLLUPS_MS = 95 * DAY_MS;

/** A span of time, cut into equal buckets of what is at hand there. UTC milliseconds. */
export interface StatisticsRange {
  readonly from: number;
  /** Excluded. */
  readonly to: number;
  readonly widthMs: number;
  /** Single checks, hourly or daily rollups: buckets are whole seconds, hours, or UTC days. */
  readonly source: 'checks' | 'hours' | 'days';
}

/**
 * Cuts a span into at most `buckets` buckets. Within the last day they begin at `from` and are whole seconds
 * wide; otherwise they are whole hours, on the hour, or whole UTC days where they would be wider than a day or
 * where hours are not kept any more, and the span grows to their borders.
 *
 * @param now UTC milliseconds; `from` lies before it, and before `to`
 */
export function planBuckets(
  span: { from: number; to: number },
  buckets: number,
  now: number,
): StatisticsRange {
  if (span.from >= now - RAW_CHECKS_MS - TOLERANCE_MS) {
    const from = Math.max(span.from, now - RAW_CHECKS_MS);
    const to = Math.max(Math.min(span.to, now), from + 1);
    return { from, to, widthMs: wholeUnits(to - from, buckets, SECOND_MS), source: 'checks' };
  }
  const byHour = aligned(span, buckets, HOUR_MS);
  if (byHour.widthMs < DAY_MS && byHour.from >= now - HOURLY_ROLLUPS_MS)
    return { ...byHour, source: 'hours' };
  return { ...aligned(span, buckets, DAY_MS), source: 'days' };
}

/** The last so many days, from the full hour on. @param now UTC milliseconds */
export function windowBefore(now: number, days: number): { from: number; to: number } {
  return { from: Math.floor((now - days * DAY_MS) / HOUR_MS) * HOUR_MS, to: now };
}

/** A span that grows to the borders of its first and last unit, and how wide at most `buckets` buckets of it are. */
export function aligned(span: { from: number; to: number }, buckets: number, unitMs: number) {
  const from = Math.floor(span.from / unitMs) * unitMs;
  const to = Math.ceil(span.to / unitMs) * unitMs;
  return { from, to, widthMs: wholeUnits(to - from, buckets, unitMs) };
}

/** How wide each of at most `buckets` buckets is, in milliseconds, when it has whole units of time. */
export function wholeUnits(spanMs: number, buckets: number, unitMs: number): number {
  return Math.ceil(spanMs / buckets / unitMs) * unitMs;
}
