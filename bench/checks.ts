/**
 * How checks keep their cadence, and what they cost: starts a whole stack and a farm of targets, counts what the
 * farm saw and what the database holds.
 *
 *   npm run bench:checks -- --targets 100 --interval 5 --minutes 2 [--json file]
 */
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startStack } from '../tests/support/stack.ts';
import { startFarm } from './farmProcess.ts';
import { createTargets, waitUntilAllChecked } from './targets.ts';
import { readUsage, type Usage } from './usage.ts';

const { values } = parseArgs({
  options: {
    targets: { type: 'string', default: '100' },
    interval: { type: 'string', default: '5' },
    minutes: { type: 'string', default: '2' },
    json: { type: 'string' },
  },
});
const targets = Number(values.targets);
const intervalSeconds = Number(values.interval);
const minutes = Number(values.minutes);

console.log(`starting a stack and a farm for ${targets} targets every ${intervalSeconds} s …`);
const [stack, farm] = await Promise.all([startStack({ env: { RATE_LIMIT_API: '100000' } }), startFarm()]);
const database = new pg.Client({ connectionString: stack.databaseUrl() });
try {
  await database.connect();
  await createTargets(stack, farm.url, targets, intervalSeconds);
  console.log('created; waiting until all are checked');
  await waitUntilAllChecked(database, targets);
  console.log(`measuring for ${minutes} min`);
  const before = usageOfServices();
  const from = Date.now();
  await delay(minutes * 60_000);
  const to = Date.now();
  const after = usageOfServices();
  // Results on their way are let arrive.
  await delay(2_000);
  await report({ before, after, from, to });
} finally {
  await database.end();
  farm.stop();
  await stack.stop();
  await stack.destroy();
}

/** The supervisor's own children are what is measured; it would count them again. */
function usageOfServices(): Record<string, Usage> {
  const { supervisor: _supervisor, ...services } = stack.processes();
  return readUsage(services);
}

interface Measured {
  readonly before: Record<string, Usage>;
  readonly after: Record<string, Usage>;
  readonly from: number;
  readonly to: number;
}

async function report({ before, after, from, to }: Measured): Promise<void> {
  const span = [new Date(from), new Date(to)];
  const { rows: late } = await database.query<{ checks: number; p50: number; p99: number; worst: number }>(
    `select count(*)::int as checks,
       percentile_cont(0.5) within group (order by started_after_ms) as p50,
       percentile_cont(0.99) within group (order by started_after_ms) as p99,
       max(started_after_ms) as worst
     from checks where scheduled_at >= $1 and scheduled_at < $2`,
    span,
  );
  // Every target owes one regular check for each interval of the span, also one that was never checked at all.
  const { rows: gaps } = await database.query<{ missing: number; early: number; failed: number }>(
    `with slots as (
       select target_key, scheduled_at, outcome,
         scheduled_at - lag(scheduled_at) over (partition by target_key order by scheduled_at) as gap
       from checks where scheduled_at >= $1 and scheduled_at < $2 and kind = 's')
     select ($3 - coalesce(sum(least(counted.checks, $4)), 0))::int as missing,
       (select count(*) from slots where gap < make_interval(secs => $5))::int as early,
       (select count(*) from slots where outcome <> 'k')::int as failed
     from (select target_key, count(*) as checks from slots group by target_key) counted`,
    [
      ...span,
      targets * Math.floor((to - from) / 1_000 / intervalSeconds),
      Math.floor((to - from) / 1_000 / intervalSeconds),
      intervalSeconds,
    ],
  );
  const hits = Object.values(await farm.hits())
    .flat()
    .filter((at) => at >= from && at < to).length;
  const checks = late[0]?.checks ?? 0;
  const expected = Math.round(((to - from) / 1_000 / intervalSeconds) * targets);
  const cpuMs = Object.fromEntries(
    Object.entries(after).map(([name, { cpuSeconds }]) => [
      name,
      Number((((cpuSeconds - (before[name]?.cpuSeconds ?? 0)) * 1_000) / checks).toFixed(2)),
    ]),
  );
  const memoryMb = Object.fromEntries(
    Object.entries(after).map(([name, { residentBytes }]) => [name, Math.round(residentBytes / 1_048_576)]),
  );
  const result = {
    targets,
    intervalSeconds,
    minutes,
    checks,
    expected,
    farmSaw: hits,
    latenessMs: { p50: late[0]?.p50, p99: late[0]?.p99, worst: late[0]?.worst },
    missing: gaps[0]?.missing,
    closerThanAnInterval: gaps[0]?.early,
    failed: gaps[0]?.failed,
    cpuMsPerCheck: {
      ...cpuMs,
      all: Number(
        Object.values(cpuMs)
          .reduce((sum, ms) => sum + ms, 0)
          .toFixed(2),
      ),
    },
    memoryMb,
  };
  console.table({
    'checks (expected)': `${checks} (${expected})`,
    'requests that the farm saw': hits,
    'lateness p50 / p99 / worst': `${late[0]?.p50} / ${late[0]?.p99} / ${late[0]?.worst} ms`,
    'missing / closer than an interval / failed': `${gaps[0]?.missing} / ${gaps[0]?.early} / ${gaps[0]?.failed}`,
    'CPU per check': JSON.stringify(result.cpuMsPerCheck),
    'memory (MB)': JSON.stringify(memoryMb),
  });
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
}
