/**
 * How long targets go unchecked when the worker is killed and started again, their runs being some minutes old:
 *
 *   npm run bench:worker-loss -- --targets 50 --interval 5 --age 180
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startStack } from '../tests/support/stack.ts';
import { startFarm } from './farmProcess.ts';
import { createTargets, waitUntilAllChecked } from './targets.ts';

const { values } = parseArgs({
  options: {
    targets: { type: 'string', default: '50' },
    interval: { type: 'string', default: '5' },
    age: { type: 'string', default: '180' },
  },
});
const targets = Number(values.targets);
const intervalSeconds = Number(values.interval);

const [stack, farm] = await Promise.all([startStack({ env: { RATE_LIMIT_API: '100000' } }), startFarm()]);
const database = new pg.Client({ connectionString: stack.databaseUrl() });
try {
  await database.connect();
  await createTargets(stack, farm.url, targets, intervalSeconds);
  await waitUntilAllChecked(database, targets);
  console.log(`letting the runs of ${targets} targets grow for ${values.age} s`);
  await delay(Number(values.age) * 1_000);
  const killedAt = new Date();
  process.kill(stack.processes()['worker']?.pid ?? 0, 'SIGKILL');
  const observedSeconds = 90;
  console.log(`killed the worker; observing for ${observedSeconds} s`);
  await delay(observedSeconds * 1_000);
  const { rows } = await database.query(
    `select count(*)::int as targets, round(max(seconds)::numeric, 1)::float8 as worst_seconds,
       round((percentile_cont(0.5) within group (order by seconds))::numeric, 1)::float8 as median_seconds
     from (select target_key,
         extract(epoch from min(scheduled_at + started_after_ms * interval '1 ms') - $1::timestamptz) as seconds
       from checks where scheduled_at + started_after_ms * interval '1 ms' > $1::timestamptz + interval '50 ms'
       group by target_key) first`,
    [killedAt],
  );
  console.log('from the kill until each target was checked again:');
  console.table(rows);
} finally {
  await database.end();
  farm.stop();
  await stack.stop();
  await stack.destroy();
}
