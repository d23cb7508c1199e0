/**
 * Latencies as counts in buckets whose width grows by a tenth: whoever merges histograms adds counts, so
 * percentiles over any span are those of all its checks, and never off by more than 5 % (a latency below
 * 10 ms is exact). Stored rollups hold bucket numbers: these bounds never change.
 */
export interface LatencyHistogram {
  /** Numbers of the buckets that are not empty, ascending. */
  readonly buckets: readonly number[];
  /** How many latencies lie in each of them. */
  readonly counts: readonly number[];
}

export const EMPTY_HISTOGRAM: LatencyHistogram = { buckets: [], counts: [] };

/** What a percentile may be off by, as a share of the true latency, its rounding to a tenth included. */
export const MAX_RELATIVE_ERROR = 0.05;

/** `checks.total_ms` saturates here. */
const MAX_LATENCY_MS = 2_147_483_647;

/**
 * The lowest latency of each bucket from 1 on, in whole milliseconds; bucket 0 is what lies below. Integers,
 * so that Postgres (`width_bucket`) and this file cannot disagree about a border.
 */
export const BUCKET_LOWER_BOUNDS: readonly number[] = lowerBounds();

function lowerBounds(): number[] {
  const bounds: number[] = [];
  for (let low = 1; low <= MAX_LATENCY_MS; low = highest(low) + 1) bounds.push(low);
  return bounds;
}

function highest(low: number): number {
  return Math.min(Math.floor((low * 11) / 10), MAX_LATENCY_MS);
}

/** @param latencyMs rounded to whole milliseconds first, as checks are stored */
export function bucketOf(latencyMs: number): number {
  const whole = Math.round(latencyMs);
  let [low, high] = [0, BUCKET_LOWER_BOUNDS.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((BUCKET_LOWER_BOUNDS[middle] ?? Infinity) <= whole) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @returns the latency that is equally far, as a share, from both ends of the bucket; to a tenth of a ms */
export function latencyOf(bucket: number): number {
  const low = BUCKET_LOWER_BOUNDS[bucket - 1];
  if (low === undefined) return 0;
  const high = highest(low);
  return Math.round((20 * low * high) / (low + high)) / 10;
}

export function histogramOf(latenciesMs: readonly number[]): LatencyHistogram {
  return merge(latenciesMs.map((latency) => ({ buckets: [bucketOf(latency)], counts: [1] })));
}

/** The histogram of all latencies of these. */
export function merge(histograms: readonly LatencyHistogram[]): LatencyHistogram {
  const sums = new Map<number, number>();
  for (const { buckets, counts } of histograms) {
    for (const [index, bucket] of buckets.entries()) {
      sums.set(bucket, (sums.get(bucket) ?? 0) + (counts[index] ?? 0));
    }
  }
  const entries = [...sums].sort(([a], [b]) => a - b);
  return { buckets: entries.map(([bucket]) => bucket), counts: entries.map(([, count]) => count) };
}

/**
 * The nearest-rank percentile: the least latency that at least this share of all does not exceed.
 *
 * @param share 0.95 for p95
 * @returns milliseconds, to a tenth; null for an empty histogram
 */
export function percentile({ buckets, counts }: LatencyHistogram, share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const rank = Math.max(1, Math.ceil(share * total));
  let seen = 0;
  for (const [index, bucket] of buckets.entries()) {
    seen += counts[index] ?? 0;
    if (seen >= rank) return latencyOf(bucket);
  }
  return null;
}
