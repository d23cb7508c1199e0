/**
 * How soon everything is checked again after everything was killed and started:
 *
 *   npm run bench:startup -- --targets 1000 --interval 10 [--workers 1] [--json file]
 */
import { pause } from '../src/start/waitFor.ts';
import { Arguments } from './arguments.ts';
import { Bench } from './bench.ts';
import { rounded } from './distribution.ts';
import { publish } from './output.ts';
import { say } from './progress.ts';
import { untilRechecked } from './rechecked.ts';
import { describeSpan, readSpan } from './span.ts';
import { waitUntilSteady } from './steady.ts';
import { allowedMinutes } from './timeLimit.ts';

const RECHECKED_WITHIN_MS = 300_000;
/** Rows older than this at the kill are beyond what is being written. */
const SETTLED_MS = 10_000;
const ARRIVAL_MS = 7_000;

const options = new Arguments({ targets: '1000', interval: '10', workers: '1', json: '' });
const count = options.number('targets');
const intervalSeconds = options.number('interval');
const env = { WORKER_PROCESSES: options.text('workers') };

await Bench.run({ env, withinMinutes: allowedMinutes(count, intervalSeconds) * 2 }, async (bench) => {
  const targets = await bench.populate({ count, intervalSeconds });
  const { farm, signal } = bench;
  await farm.forget();
  const settledBefore = Date.now() - SETTLED_MS;
  const rowsBefore = await countRowsBefore(settledBefore);
  say('killing every process …');
  const killedAt = await bench.killAll();
  const startedAt = Date.now();
  await bench.startAgain();
  const healthyAt = Date.now();
  say(`healthy ${seconds(killedAt, healthyAt)} s after the kill`);
  const { firstCheckAt, missing } = await untilRechecked(bench.database, {
    ...{ since: startedAt, count, withinMs: RECHECKED_WITHIN_MS, signal },
  });
  // Two whole intervals of the new routine belong to what is judged.
  await waitUntilSteady(bench.database, { count, intervalSeconds, signal });
  await pause(2 * intervalSeconds * 1_000, signal);
  const to = Date.now();
  await pause(ARRIVAL_MS, signal);
  const counts = await readSpan(bench.database, targets, { from: killedAt, to }, await farm.hits());
  const checkedAfter = [...firstCheckAt.values()]
    .map((at) => seconds(healthyAt, at))
    .sort((one, other) => one - other);
  const after = (percent: number): number | null =>
    checkedAfter[Math.ceil((percent / 100) * count) - 1] ?? null;
  const result = {
    targets: count,
    intervalSeconds,
    killToHealthySeconds: seconds(killedAt, healthyAt),
    startToHealthySeconds: seconds(startedAt, healthyAt),
    /** Below 0: before the stack called itself healthy. */
    healthyToCheckedSeconds: { '25 %': after(25), '50 %': after(50), '99 %': after(99), '100 %': after(100) },
    notCheckedAgain: missing,
    rowsLost: rowsBefore - (await countRowsBefore(settledBefore)),
    sinceTheKill: counts,
  };
  publish(
    `everything killed and started with ${count} targets every ${intervalSeconds} s`,
    {
      'kill until healthy': `${result.killToHealthySeconds} s (from the start: ${result.startToHealthySeconds} s)`,
      ...Object.fromEntries(
        Object.entries(result.healthyToCheckedSeconds).map(([share, value]) => [
          `healthy until ${share} were checked`,
          `${value ?? 'never'} s`,
        ]),
      ),
      'not checked again': missing,
      'rows lost': result.rowsLost,
      ...describeSpan(counts),
    },
    result,
    options.text('json'),
  );

  async function countRowsBefore(time: number): Promise<number> {
    const { rows } = await bench.database.query<{ count: number }>(
      'select count(*)::int as count from checks where scheduled_at < $1',
      [new Date(time)],
    );
    return rows[0]?.count ?? 0;
  }
});

function seconds(from: number, to: number): number {
  return rounded((to - from) / 1_000, 1);
}
