/**
 * How soon the targets of a lost worker are checked again. KILL and TERM end it (the supervisor starts it again,
 * unless --lost 1: then the supervisor is frozen, as if the machine were gone); STOP freezes it for 40 s.
 *
 *   npm run bench:takeover -- --targets 1000 --interval 10 --signal KILL|STOP|TERM|all [--lost 1] [--json file]
 *
 * --workers says how many there are; with 1 it is about a worker that comes back. --age lets the runs grow first (s).
 */
import { sendSignal } from '../src/start/processIdentity.ts';
import { pause } from '../src/start/waitFor.ts';
import { processOf, signalTo } from '../tests/support/stackProcesses.ts';
import { Arguments } from './arguments.ts';
import { Bench } from './bench.ts';
import { inWords, type Distribution } from './distribution.ts';
import { publish } from './output.ts';
import { say } from './progress.ts';
import { untilRechecked } from './rechecked.ts';
import { describeSpan, readSpan, secondsSince, type SpanCounts } from './span.ts';
import { readWatches, waitUntilSteady } from './steady.ts';
import type { BenchTarget } from './targets.ts';
import { allowedMinutes } from './timeLimit.ts';

const FROZEN_MS = 40_000;
const RECHECKED_WITHIN_MS = 300_000;
const ARRIVAL_MS = 7_000;
const SIGNALS = ['KILL', 'STOP', 'TERM'] as const;
type Blow = (typeof SIGNALS)[number];

interface TakenOver {
  readonly signal: Blow;
  /** Watches by worker just before; none where every check is stepped. */
  readonly watches: readonly number[];
  /** Of all targets. */
  readonly secondsUntilChecked: Distribution;
  /** Of those that another worker watches since. */
  readonly takenOver: { readonly targets: number; readonly secondsUntilChecked: Distribution };
  readonly notCheckedAgain: number;
  readonly sinceTheBlow: SpanCounts;
}

const options = new Arguments({
  ...{ targets: '1000', interval: '10', workers: '2', age: '1' },
  ...{ signal: 'KILL', lost: '0', json: '' },
});
const count = options.number('targets');
const intervalSeconds = options.number('interval');
const workers = options.number('workers');
const ageSeconds = options.number('age');
const victimName = workers === 1 ? 'worker' : `worker-${workers}`;
const staysLost = options.text('lost') === '1';
const blows = SIGNALS.filter((name) => options.text('signal') === 'all' || options.text('signal') === name);
if (blows.length === 0) throw new Error('--signal should be KILL, STOP, TERM or all');
const env = { WORKER_PROCESSES: String(workers) };
const withinMinutes = allowedMinutes(count, intervalSeconds) * (1 + blows.length) + ageSeconds / 60;

await Bench.run({ env, withinMinutes }, async (bench) => {
  const targets = await bench.populate({ count, intervalSeconds });
  await pause(ageSeconds * 1_000, bench.signal);
  const results: TakenOver[] = [];
  for (const blow of blows) {
    results.push(await strike(bench, targets, blow));
    await waitUntilSteady(bench.database, { count, intervalSeconds, signal: bench.signal });
  }
  publish(
    `one of ${workers} workers lost with ${count} targets every ${intervalSeconds} s`,
    tableOf(results),
    results,
    options.text('json'),
  );
});

async function strike(bench: Bench, targets: readonly BenchTarget[], blow: Blow): Promise<TakenOver> {
  const { stack, farm, database, signal } = bench;
  const watched = await readWatches(database);
  await farm.forget();
  const supervisor = processOf(stack, 'supervisor');
  if (staysLost) sendSignal(supervisor.pid, 'SIGSTOP');
  const victim = signalTo(stack, victimName, `SIG${blow}`);
  const since = Date.now();
  say(`${victimName} got SIG${blow}`);
  try {
    const rechecked = untilRechecked(database, { since, count, withinMs: RECHECKED_WITHIN_MS, signal });
    if (blow === 'STOP') {
      await Promise.all([rechecked, pause(FROZEN_MS, signal)]);
      sendSignal(victim.pid, 'SIGCONT');
      say(`${victimName} goes on after ${FROZEN_MS / 1_000} s`);
      // What it wakes up with is judged too.
      await pause(15_000, signal);
    }
    const { firstCheckAt, missing } = await rechecked;
    const watchedNow = await readWatches(database);
    const moved = [...watched].filter(([key, worker]) => (watchedNow.get(key) ?? worker) !== worker);
    await pause(2 * intervalSeconds * 1_000, signal);
    const to = Date.now();
    await pause(ARRIVAL_MS, signal);
    return {
      signal: blow,
      watches: sizesOf([...watched.values()]),
      secondsUntilChecked: secondsSince(since, firstCheckAt.values()),
      takenOver: {
        targets: moved.length,
        secondsUntilChecked: secondsSince(
          since,
          moved.flatMap(([key]) => firstCheckAt.get(key) ?? []),
        ),
      },
      notCheckedAgain: missing,
      sinceTheBlow: await readSpan(database, targets, { from: since, to }, await farm.hits()),
    };
  } finally {
    sendSignal(victim.pid, 'SIGCONT');
    sendSignal(supervisor.pid, 'SIGCONT');
  }
}

/** How often each value occurs, the most frequent first. */
function sizesOf(values: readonly string[]): number[] {
  const sizes = new Map<string, number>();
  for (const value of values) sizes.set(value, (sizes.get(value) ?? 0) + 1);
  return [...sizes.values()].sort((one, other) => other - one);
}

/** A column for each signal. */
function tableOf(results: readonly TakenOver[]): Record<string, Record<string, unknown>> {
  const table: Record<string, Record<string, unknown>> = {};
  for (const result of results) {
    for (const [line, value] of Object.entries(describe(result))) {
      table[line] = { ...table[line], [result.signal]: value };
    }
  }
  return table;
}

function describe(result: TakenOver): Record<string, unknown> {
  return {
    'until checked again, p50 / p99 / worst': inWords(result.secondsUntilChecked, 's'),
    'of those that another worker watches since': `${result.takenOver.targets}: ${inWords(result.takenOver.secondsUntilChecked, 's')}`,
    'not checked again': result.notCheckedAgain,
    'watches by worker before': result.watches.join(' + ') || 'none',
    ...describeSpan(result.sinceTheBlow),
  };
}
