import { z } from 'zod';
import { queryInteger, queryTime } from '../queryFields.ts';

/** Windows of the uptime route, in days. */
export const WINDOW_DAYS = { '24h': 1, '7d': 7, '30d': 30, '90d': 90 } as const;
const WINDOWS = ['24h', '7d', '30d', '90d'] as const satisfies readonly (keyof typeof WINDOW_DAYS)[];

const time = z.iso.datetime();

export const UptimeQuery = z.strictObject({
  window: z.enum(WINDOWS).default('24h').describe('How far back, up to now.'),
});

export const LatencyQuery = z.strictObject({
  from: queryTime.optional().describe('First moment of the range; 24 hours before `to` by default.'),
  to: queryTime.optional().describe('End of the range, itself excluded; now by default.'),
  buckets: queryInteger({ min: 1, max: 500, fallback: 60 }).describe('How many there may be at most.'),
});

/** Shared by both answers. */
const summary = {
  checks: z.int().min(0).describe('Without those that failed on our side.'),
  ok: z.int().min(0).describe('How many of them passed.'),
};
const latency = z.number().min(0).nullable();
const percentiles = {
  p50_ms: latency.describe('Of the checks that passed, off by 5 % at the most; null without any.'),
  p95_ms: latency,
  p99_ms: latency,
};

export const Uptime = z
  .strictObject({
    window: z.enum(WINDOWS),
    from: time.describe('The full hour with which the window begins.'),
    to: time,
    ...summary,
    uptime: z.number().min(0).max(1).nullable().describe('ok / checks; null without any.'),
    ...percentiles,
  })
  .meta({ id: 'HttpTargetUptime' });

export const LatencyBucket = z
  .strictObject({ from: time, to: time.describe('Excluded.'), ...summary, ...percentiles })
  .meta({ id: 'HttpTargetLatencyBucket' });

export const Latency = z
  .strictObject({
    from: time,
    to: time,
    bucket_seconds: z.int().min(1).describe('The last bucket may be shorter, or not over yet.'),
    items: z.array(LatencyBucket).describe('Oldest first, without gaps.'),
  })
  .meta({ id: 'HttpTargetLatency' });

export const UPTIME_EXAMPLE = {
  window: '7d',
  from: '2026-01-24T08:00:00.000Z',
  to: '2026-01-31T08:12:44.120Z',
  checks: 10_092,
  ok: 10_088,
  uptime: 0.9996036464526357,
  p50_ms: 34.4,
  p95_ms: 61.3,
  p99_ms: 148.5,
};

export const LATENCY_EXAMPLE = {
  from: '2026-01-24T08:00:00.000Z',
  to: '2026-01-24T10:00:00.000Z',
  bucket_seconds: 3_600,
  items: [
    {
      from: '2026-01-24T08:00:00.000Z',
      to: '2026-01-24T09:00:00.000Z',
      checks: 60,
      ok: 60,
      p50_ms: 34.4,
      p95_ms: 61.3,
      p99_ms: 89.9,
    },
    {
      from: '2026-01-24T09:00:00.000Z',
      to: '2026-01-24T10:00:00.000Z',
      checks: 60,
      ok: 0,
      p50_ms: null,
      p95_ms: null,
      p99_ms: null,
    },
  ],
};
