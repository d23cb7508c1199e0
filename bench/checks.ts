/**
 * What steady checking costs and how well it keeps its cadence:
 *
 *   npm run bench:checks -- --targets 1000 --interval 10 --minutes 5 [--workers 1] [--json file]
 */
import { Arguments } from './arguments.ts';
import { Bench } from './bench.ts';
import { describeMeasured, measureChecks } from './measureChecks.ts';
import { publish } from './output.ts';
import { allowedMinutes } from './timeLimit.ts';

const options = new Arguments({ targets: '100', interval: '5', minutes: '2', workers: '1', json: '' });
const count = options.number('targets');
const intervalSeconds = options.number('interval');
const minutes = options.number('minutes');
const env = { WORKER_PROCESSES: options.text('workers') };

await Bench.run({ env, withinMinutes: allowedMinutes(count, intervalSeconds) + minutes }, async (bench) => {
  const targets = await bench.populate({ count, intervalSeconds });
  const measured = await measureChecks(bench, targets, minutes);
  const title = `${count} targets every ${intervalSeconds} s for ${minutes} min`;
  publish(title, describeMeasured(measured), measured, options.text('json'));
});
