import type { z } from 'zod';
import { MetricRepository } from '../../db/repositories/metrics.ts';
import { MetricSamples } from '../../db/repositories/metricSamples.ts';
import { SampleStatistics } from '../../db/repositories/sampleStatistics.ts';
import { planSampleBuckets } from '../../domain/sampleRange.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound, unprocessable } from '../errors.ts';
import { withValidCursor } from '../queryFields.ts';
import { defineRoute, type Route } from '../route.ts';
import { presentBucket, presentSample } from './presenter.ts';
import { Samples, SAMPLES_EXAMPLE, SamplesQuery } from './samplesSchema.ts';
import { MetricId } from './schema.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MAX_SPAN_DAYS = 3 * 365;
const SUBJECT = 'This metric';

/** How metrics went over time. */
export function metricSampleRoutes({ clock, config }: ApiDependencies): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/metrics/{id}/samples',
      tag: 'Metrics',
      subject: SUBJECT,
      protection: 'key_or_cookie',
      summary: 'The samples of a metric over time',
      description:
        'Without `buckets` each sample as [ts, value], in pages. With `buckets` a numeric metric gives [ts, min, avg, max] for each bucket that has samples, a boolean one [ts, share of true], and a string one [ts, value] where its value changed, in pages. Within a day buckets are whole seconds wide. Beyond, they are whole hours, on the hour, or whole UTC days where that is too many or too long ago, and the range grows to their borders. A sample that comes in late is counted within the hour.',
      params: MetricId,
      query: SamplesQuery,
      responses: { 200: { description: 'What was measured.', schema: Samples, example: SAMPLES_EXAMPLE } },
      async handler({ em, caller, params, query }) {
        const now = clock.now();
        const span = checkedSpan(query, now);
        const metric = await new MetricRepository(em, caller).find(params.id);
        if (metric === null) throw notFound(SUBJECT);
        const { buckets, limit, cursor } = query;
        if (buckets !== undefined && metric.type !== 'string') {
          if (cursor !== undefined) throw cursorWithBuckets();
          const kept = { since: now - config.retentionSamplesDays * DAY_MS, now };
          const range = planSampleBuckets(span, buckets, kept);
          const found = await new SampleStatistics(em).buckets(metric, range, now);
          const items = found.map(presentBucket);
          return { status: 200, body: answerOf(range, range.widthMs / 1_000, items, null) };
        }
        const samples = new MetricSamples(em);
        const filter = { ...span, limit, cursor };
        const page = await withValidCursor(() =>
          buckets === undefined ? samples.list(metric, filter) : samples.changes(metric, filter),
        );
        return { status: 200, body: answerOf(span, null, page.items.map(presentSample), page.nextCursor) };
      },
    }),
  ];
}

/** A span of time in UTC milliseconds; `to` is excluded. */
interface Span {
  readonly from: number;
  readonly to: number;
}

function answerOf(
  { from, to }: Span,
  bucketSeconds: number | null,
  items: z.output<typeof Samples>['items'],
  nextCursor: string | null,
): z.output<typeof Samples> {
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    bucket_seconds: bucketSeconds,
    items,
    next_cursor: nextCursor,
  };
}

/** @throws ApiError 422 */
function checkedSpan(query: z.output<typeof SamplesQuery>, now: number): Span {
  // What was measured in this millisecond belongs to an hour that ends now.
  const to = query.to?.getTime() ?? now + 1;
  const from = query.from?.getTime() ?? Math.max(0, Math.min(to, now) - HOUR_MS);
  const refuse = (field: 'from' | 'to', type: string, msg: string) =>
    unprocessable([{ loc: ['query', field], msg, type }]);
  if (from < 0) throw refuse('from', 'range', 'Input should be 1970-01-01T00:00:00Z or later');
  if (from > now) throw refuse('from', 'datetime_past', 'Input should be in the past');
  if (to <= from) {
    throw refuse('to', 'range', `Input should be after from, which is ${new Date(from).toISOString()}`);
  }
  if (query.buckets !== undefined && to - from > MAX_SPAN_DAYS * DAY_MS) {
    const msg = `A range that is cut into buckets has at most ${MAX_SPAN_DAYS} days`;
    throw refuse(query.from === undefined ? 'to' : 'from', 'range', msg);
  }
  return { from, to };
}

function cursorWithBuckets() {
  const msg = 'Buckets come on one page: leave the cursor out, or buckets for single samples';
  return unprocessable([{ loc: ['query', 'cursor'], msg, type: 'cursor' }]);
}
