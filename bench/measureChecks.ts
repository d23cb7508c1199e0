import { pause } from '../src/start/waitFor.ts';
import type { Bench } from './bench.ts';
import { cpuPerCheck, memoryMb, othersCores, residentMb, takeUsage } from './cost.ts';
import { rounded } from './distribution.ts';
import { say } from './progress.ts';
import { describeSpan, readSpan, type SpanCounts } from './span.ts';
import { readStorage } from './storage.ts';
import type { BenchTarget } from './targets.ts';
import { countEvents, sampleOf, type EventCount } from './temporalEvents.ts';

const LOOK_AT_MEMORY_EVERY_MS = 10_000;
/** Checks that had begun are let end, and their results arrive. */
const ARRIVAL_MS = 7_000;

export interface ChecksMeasured {
  readonly targets: number;
  readonly intervalSeconds: number;
  readonly counts: SpanCounts;
  /** By group, and `all`. */
  readonly cpuMsPerCheck: Readonly<Record<string, number>>;
  /** Cores that others than the stack and its witness kept busy meanwhile: above some 0.1 the figures are disturbed. */
  readonly othersCores: number;
  /** PSS at its highest. */
  readonly memoryMb: Readonly<Record<string, number>>;
  readonly residentMb: Readonly<Record<string, number>>;
  readonly bytesPerCheck: {
    /** Growth of `checks` with its index over the span, by row. */
    readonly postgres: number;
    /** All of `checks` with its index, by row: steadier than the growth of a short span. */
    readonly postgresOverall: number;
    readonly postgresState: number;
    readonly temporal: number;
  };
  readonly temporalEventsPerCheck: number;
  readonly temporalEventsOf: number;
  /** A process that crashed meanwhile took its CPU time with it. */
  readonly processesReplaced: boolean;
}

/** Measures cadence and cost of a steady stack for a while. */
export async function measureChecks(
  { stack, farm, database, signal }: Bench,
  targets: readonly BenchTarget[],
  minutes: number,
): Promise<ChecksMeasured> {
  const sample = sampleOf(targets);
  const eventsBefore = await countEvents(stack, sample, signal);
  const storedBefore = { ...(await readStorage(database, stack.dataDir)), rows: await countRows() };
  await farm.forget();
  say(`measuring for ${minutes} min …`);
  const before = takeUsage(stack, farm.pid);
  const from = Date.now();
  let highest = before;
  for (const end = from + minutes * 60_000; Date.now() < end;) {
    await pause(Math.min(LOOK_AT_MEMORY_EVERY_MS, end - Date.now()), signal);
    const now = takeUsage(stack, farm.pid);
    if ((memoryMb(now)['all'] ?? 0) > (memoryMb(highest)['all'] ?? 0)) highest = now;
  }
  const after = takeUsage(stack, farm.pid);
  const to = Date.now();
  await pause(ARRIVAL_MS, signal);

  const counts = await readSpan(database, targets, { from, to }, await farm.hits());
  const stored = { ...(await readStorage(database, stack.dataDir)), rows: await countRows() };
  const eventsAfter = await countEvents(stack, sample, signal);
  const rows = Math.max(1, stored.rows - storedBefore.rows);
  return {
    targets: targets.length,
    intervalSeconds: (targets[0]?.intervalMs ?? 0) / 1_000,
    counts,
    cpuMsPerCheck: cpuPerCheck(before, after, counts.checks),
    othersCores: othersCores(before, after, counts.seconds),
    memoryMb: memoryMb(highest),
    residentMb: residentMb(highest),
    bytesPerCheck: {
      postgres: rounded((stored.checks - storedBefore.checks) / rows, 1),
      postgresOverall: rounded(stored.checks / Math.max(1, stored.rows), 1),
      postgresState: rounded((stored.states - storedBefore.states) / rows, 1),
      temporal: rounded((stored.temporal - storedBefore.temporal) / rows, 1),
    },
    temporalEventsPerCheck: await eventsPerCheck(),
    temporalEventsOf: sample.length,
    processesReplaced: before.pids !== after.pids,
  };

  async function countRows(): Promise<number> {
    const result = await database.query<{ count: number }>('select count(*)::int as count from checks');
    return result.rows[0]?.count ?? 0;
  }

  /** Each target's events and checks between the two moments at which its histories were counted. */
  async function eventsPerCheck(): Promise<number> {
    const spans = sample.flatMap(({ id, key }) => {
      const [first, last] = [eventsBefore.get(id), eventsAfter.get(id)];
      return first === undefined || last === undefined ? [] : [{ key, first, last }];
    });
    const result = await database.query<{ count: number }>(
      `select count(*)::int as count from checks
       join unnest($1::int[], $2::timestamptz[], $3::timestamptz[]) as span (key, since, until)
         on target_key = key and scheduled_at >= since and scheduled_at < until`,
      [
        spans.map(({ key }) => key),
        spans.map(({ first }) => new Date(first.at)),
        spans.map(({ last }) => new Date(last.at)),
      ],
    );
    const events = spans.reduce((sum, span) => sum + growth(span), 0);
    return rounded(events / Math.max(1, result.rows[0]?.count ?? 0), 4);
  }
}

function growth({ first, last }: { first: EventCount; last: EventCount }): number {
  return last.events - first.events;
}

/** Lines of a table. */
export function describeMeasured(measured: ChecksMeasured): Record<string, string> {
  const { bytesPerCheck, cpuMsPerCheck, counts } = measured;
  return {
    ...describeSpan(counts),
    'CPU ms per check': inParts(cpuMsPerCheck),
    'cores busy with something else': String(measured.othersCores),
    'memory MB, shared counted once (PSS)': inParts(measured.memoryMb),
    'memory MB, resident (RSS)': inParts(measured.residentMb),
    'Postgres bytes per check: growth / overall / states': [
      bytesPerCheck.postgres,
      bytesPerCheck.postgresOverall,
      bytesPerCheck.postgresState,
    ].join(' / '),
    'Temporal bytes per check (file growth)': String(bytesPerCheck.temporal),
    [`Temporal events per check (${measured.temporalEventsOf} targets)`]: String(
      measured.temporalEventsPerCheck,
    ),
    ...(measured.processesReplaced ? { '! processes': 'one was replaced: its CPU time is missing' } : {}),
  };
}

function inParts(parts: Readonly<Record<string, number>>): string {
  return Object.entries(parts)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
