/**
 * How soon a target that breaks is DOWN: from the first failing check, as the farm saw it, until the database says
 * so; told as what comes on top of (threshold - 1) retry intervals.
 *
 *   npm run bench:down -- --targets 50 --failing 50 --interval 30 --retry 5 [--json file]
 */
import { waitFor } from '../src/start/waitFor.ts';
import { Arguments } from './arguments.ts';
import { Bench } from './bench.ts';
import { distributionOf, inWords, rounded } from './distribution.ts';
import { publish } from './output.ts';
import { countingProgress, say } from './progress.ts';
import { allowedMinutes } from './timeLimit.ts';

const LOOK_EVERY_MS = 50;
const ALLOWANCE_MS = 120_000;

const options = new Arguments({ targets: '50', failing: '50', interval: '30', retry: '5', json: '' });
const count = options.number('targets');
const failing = Math.min(count, options.number('failing'));
const intervalSeconds = options.number('interval');
const retrySeconds = options.number('retry');

await Bench.run({ withinMinutes: allowedMinutes(count, intervalSeconds) + 5 }, async (bench) => {
  const fields = { retry_interval_seconds: retrySeconds };
  const targets = await bench.populate({ count, intervalSeconds, fields });
  const { farm, database, signal } = bench;
  const threshold = await readThreshold();
  const broken = targets.slice(0, failing);
  await farm.forget();
  await farm.fail(broken.map(({ path }) => path));
  const brokenAt = Date.now();
  say(`${failing} targets answer 500 from now on`);

  const downAt = new Map<number, number>();
  const progress = countingProgress('targets down', failing);
  const look = async (): Promise<boolean> => {
    const { rows } = await database.query<{ key: number }>(
      "select target_key as key from http_target_states where status = 'down'",
    );
    const now = Date.now();
    for (const { key } of rows) if (!downAt.has(key)) downAt.set(key, now);
    progress(downAt.size);
    return downAt.size >= failing;
  };
  const withinMs = ALLOWANCE_MS + (intervalSeconds + threshold * retrySeconds) * 1_000;
  await waitFor(look, { withinMs, everyMs: LOOK_EVERY_MS, signal });

  const { hits } = await farm.hits();
  const excessMs = broken.flatMap(({ key, path }) => {
    const firstFailure = hits.get(path)?.find((at) => at >= brokenAt);
    const down = downAt.get(key);
    if (firstFailure === undefined || down === undefined) return [];
    return [down - firstFailure - (threshold - 1) * retrySeconds * 1_000];
  });
  const result = {
    ...{ targets: count, failing, intervalSeconds, retrySeconds, threshold },
    down: downAt.size,
    excessMs: distributionOf(excessMs),
    /** The database is asked this often. */
    resolutionMs: LOOK_EVERY_MS,
    requestsPerFailingTarget: rounded(
      broken.reduce(
        (sum, { path }) => sum + (hits.get(path)?.filter((at) => at >= brokenAt).length ?? 0),
        0,
      ) / failing,
      2,
    ),
  };
  publish(
    `${failing} of ${count} targets break, threshold ${threshold}, retry after ${retrySeconds} s`,
    {
      'decided DOWN': `${downAt.size} of ${failing}`,
      [`first failing check until DOWN, beyond ${(threshold - 1) * retrySeconds} s: p50 / p99 / worst`]:
        inWords(result.excessMs, `ms (asked every ${LOOK_EVERY_MS} ms)`),
      'requests for each until then': result.requestsPerFailingTarget,
    },
    result,
    options.text('json'),
  );

  async function readThreshold(): Promise<number> {
    const { rows } = await database.query<{ threshold: number }>(
      'select consecutive_failures_threshold as threshold from client_settings limit 1',
    );
    return rows[0]?.threshold ?? 2;
  }
});
