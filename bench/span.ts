import type { Client } from 'pg';
import { z } from 'zod';
import { distributionOf, inWords, type Distribution } from './distribution.ts';
import type { FarmHits } from './farmProcess.ts';
import { countRequests, type RequestCounts, type Span } from './requests.ts';
import type { BenchTarget } from './targets.ts';

/** What a span of time has brought, by the database and by the farm. */
export interface SpanCounts extends RequestCounts {
  readonly seconds: number;
  readonly checks: number;
  readonly checksPerSecond: number;
  /** Slots that fell into the span: one a target and interval, at the target's phase. */
  readonly slotsOwed: number;
  /** Owed slots without a row. */
  readonly slotsMissed: number;
  /** Regular checks beside the slots: a missed slot that was made up for, or a retry after a failure. */
  readonly besideSlots: number;
  /** Rows that have another one in the same interval of their target. */
  readonly rowsDoubled: number;
  readonly failed: number;
  /** From the slot to the start of its check, milliseconds. */
  readonly latenessMs: Distribution;
}

const Row = z.object({
  checks: z.number(),
  scheduled: z.number(),
  on_slot: z.number(),
  intervals: z.number(),
  failed: z.number(),
  p50: z.number().nullable(),
  p99: z.number().nullable(),
  worst: z.number().nullable(),
});

/**
 * @param targets all have the same interval
 * @param witness what the farm saw, for at least the span
 */
export async function readSpan(
  database: Client,
  targets: readonly BenchTarget[],
  span: Span,
  witness: FarmHits,
): Promise<SpanCounts> {
  const intervalMs = targets[0]?.intervalMs ?? 1;
  const { rows } = await database.query(
    `with target as (select * from unnest($3::int[], $4::int[]) as target (key, phase)),
     spot as (
       select target_key, kind, outcome, started_after_ms,
         (extract(epoch from scheduled_at) * 1000)::bigint - phase as ms
       from checks join target on key = target_key where scheduled_at >= $1 and scheduled_at < $2)
     select count(*)::int as checks,
       count(*) filter (where kind = 's')::int as scheduled,
       count(*) filter (where kind = 's' and ms % $5 = 0)::int as on_slot,
       count(distinct (target_key, ms / $5)) filter (where kind = 's')::int as intervals,
       count(*) filter (where outcome <> 'k')::int as failed,
       percentile_disc(0.5) within group (order by started_after_ms) as p50,
       percentile_disc(0.99) within group (order by started_after_ms) as p99,
       max(started_after_ms) as worst
     from spot`,
    [
      new Date(span.from),
      new Date(span.to),
      targets.map(({ key }) => key),
      targets.map((target) => target.phaseMs),
      intervalMs,
    ],
  );
  const row = Row.parse(rows[0]);
  const seconds = (span.to - span.from) / 1_000;
  const slotsOwed = targets.reduce((sum, target) => sum + countSlots(target, span), 0);
  return {
    seconds: Math.round(seconds),
    checks: row.checks,
    checksPerSecond: Number((row.checks / seconds).toFixed(1)),
    slotsOwed,
    slotsMissed: slotsOwed - row.on_slot,
    besideSlots: row.scheduled - row.on_slot,
    rowsDoubled: row.scheduled - row.intervals,
    failed: row.failed,
    latenessMs: { p50: row.p50, p99: row.p99, worst: row.worst },
    ...(await countRequests(database, targets, span, witness)),
  };
}

function countSlots({ phaseMs, intervalMs }: BenchTarget, { from, to }: Span): number {
  const before = (at: number): number => Math.ceil((at - phaseMs) / intervalMs);
  return before(to) - before(from);
}

/** Lines of a table. */
export function describeSpan(counts: SpanCounts): Record<string, string> {
  return {
    'checks stored / slots owed': `${counts.checks} / ${counts.slotsOwed} (${counts.checksPerSecond} a second)`,
    'slots missed / checks beside slots / failed': `${counts.slotsMissed} / ${counts.besideSlots} / ${counts.failed}`,
    'rows doubled / requests doubled': `${counts.rowsDoubled} / ${counts.requestsDoubled}`,
    'requests that the farm saw': String(counts.farmRequests),
    'lateness p50 / p99 / worst': inWords(counts.latenessMs, 'ms'),
  };
}

/** Of checks that started at these times (UTC milliseconds): seconds from `since`. */
export function secondsSince(since: number, times: Iterable<number>): Distribution {
  return distributionOf([...times].map((at) => Number(((at - since) / 1_000).toFixed(2))));
}
