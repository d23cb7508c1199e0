import type { EntityManager } from '@mikro-orm/postgresql';
import type { z } from 'zod';
import {
  CheckStatistics,
  type BucketSummary,
  type CheckSummary,
} from '../../db/repositories/checkStatistics.ts';
import type { Caller } from '../../db/repositories/clients.ts';
import { HttpTargetRepository } from '../../db/repositories/httpTargets.ts';
import { percentile } from '../../domain/latencyHistogram.ts';
import { planBuckets, windowBefore } from '../../domain/statisticsRange.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound, unprocessable } from '../errors.ts';
import { defineRoute, type Route } from '../route.ts';
import { TargetId } from './schema.ts';
import {
  Latency,
  LATENCY_EXAMPLE,
  LatencyQuery,
  Uptime,
  UPTIME_EXAMPLE,
  UptimeQuery,
  WINDOW_DAYS,
  type LatencyBucket,
} from './statisticsSchema.ts';

const DAY_MS = 86_400_000;
const MAX_SPAN_DAYS = 3 * 365;
const SUBJECT = 'This HTTP target';

/** How a target did over time. */
export function httpTargetStatisticsRoutes({ clock, secrets }: ApiDependencies): Route[] {
  const common = {
    method: 'get',
    tag: 'HTTP targets',
    subject: SUBJECT,
    protection: 'key_or_cookie',
    params: TargetId,
  } as const;

  return [
    defineRoute({
      ...common,
      path: '/http-targets/{id}/uptime',
      summary: 'The uptime of an HTTP target',
      description:
        'The share of its checks that passed, with the latency of those. A check that comes in late, after an outage of ours, is counted within the hour.',
      query: UptimeQuery,
      responses: {
        200: { description: 'What its checks come to.', schema: Uptime, example: UPTIME_EXAMPLE },
      },
      async handler({ em, caller, params, query: { window } }) {
        const target = await new HttpTargetRepository(em, caller, secrets).find(params.id);
        if (target === null) throw notFound(SUBJECT);
        const now = clock.now();
        const span = windowBefore(now, WINDOW_DAYS[window]);
        const total = await new CheckStatistics(em, caller).total(params.id, span, now);
        const body = {
          window,
          from: toTime(span.from),
          to: toTime(span.to),
          ...presentSummary(total),
          uptime: uptimeOf(total),
        };
        return { status: 200, body };
      },
    }),

    defineRoute({
      ...common,
      path: '/http-targets/{id}/latency',
      summary: 'The latency of an HTTP target over time',
      description:
        'Within the last day buckets are whole seconds wide. Beyond, they are whole hours, on the hour, or whole UTC days where that is too many or too long ago, and the range grows to their borders.',
      query: LatencyQuery,
      responses: { 200: { description: 'Its buckets.', schema: Latency, example: LATENCY_EXAMPLE } },
      async handler({ em, caller, params, query }) {
        const now = clock.now();
        const range = planBuckets(checkedSpan(query, now), query.buckets, now);
        const target = await new HttpTargetRepository(em, caller, secrets).find(params.id);
        if (target === null) throw notFound(SUBJECT);
        const buckets = await new CheckStatistics(em, caller).buckets(params.id, range, now);
        const body = {
          from: toTime(range.from),
          to: toTime(range.to),
          bucket_seconds: range.widthMs / 1_000,
          items: buckets.map(presentBucket),
        };
        return { status: 200, body };
      },
    }),
  ];
}

/**
 * @param now UTC milliseconds
 * @returns the share of passed checks, 0 to 1; null without any
 */
export async function uptimeOfLastDay(
  em: EntityManager,
  caller: Caller,
  targetId: string,
  now: number,
): Promise<number | null> {
  return uptimeOf(await new CheckStatistics(em, caller).total(targetId, windowBefore(now, 1), now));
}

function uptimeOf({ checks, ok }: CheckSummary): number | null {
  return checks === 0 ? null : ok / checks;
}

/** @throws ApiError 422 */
function checkedSpan(query: z.output<typeof LatencyQuery>, now: number): { from: number; to: number } {
  const to = query.to?.getTime() ?? now;
  const from = query.from?.getTime() ?? Math.min(to, now) - DAY_MS;
  const refuse = (field: 'from' | 'to', type: string, msg: string) =>
    unprocessable([{ loc: ['query', field], msg, type }]);
  if (from < 0) throw refuse('from', 'range', 'Input should be 1970-01-01T00:00:00Z or later');
  if (from >= now) throw refuse('from', 'datetime_past', 'Input should be in the past');
  if (to <= from) {
    const [field, word] =
      query.to === undefined ? (['from', 'before to'] as const) : (['to', 'after from'] as const);
    throw refuse(field, 'range', `Input should be ${word}`);
  }
  if (to - from > MAX_SPAN_DAYS * DAY_MS) {
    throw refuse(
      query.from === undefined ? 'to' : 'from',
      'range',
      `A range has at most ${MAX_SPAN_DAYS} days`,
    );
  }
  return { from, to };
}

function presentBucket({ from, to, ...summary }: BucketSummary): z.output<typeof LatencyBucket> {
  return { from: toTime(from), to: toTime(to), ...presentSummary(summary) };
}

function presentSummary({ checks, ok, latencies }: CheckSummary) {
  return {
    checks,
    ok,
    p50_ms: percentile(latencies, 0.5),
    p95_ms: percentile(latencies, 0.95),
    p99_ms: percentile(latencies, 0.99),
  };
}

function toTime(at: number): string {
  return new Date(at).toISOString();
}
