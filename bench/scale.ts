/**
 * Whether a check costs the same however many targets there are: a fresh stack for each size.
 *
 *   npm run bench:scale -- --targets 100,1000,5000,10000 --interval 60 --minutes 5 [--workers 1] [--json file]
 */
import { Arguments } from './arguments.ts';
import { Bench } from './bench.ts';
import { describeMeasured, measureChecks, type ChecksMeasured } from './measureChecks.ts';
import { publish } from './output.ts';
import { say } from './progress.ts';
import { allowedMinutes } from './timeLimit.ts';

const options = new Arguments({
  targets: '100,1000,5000,10000',
  interval: '60',
  minutes: '5',
  workers: '1',
  json: '',
});
const intervalSeconds = options.number('interval');
const minutes = options.number('minutes');
const env = { WORKER_PROCESSES: options.text('workers') };
const sizes: ChecksMeasured[] = [];

for (const count of options.numbers('targets')) {
  await Bench.run({ env, withinMinutes: allowedMinutes(count, intervalSeconds) + minutes }, async (bench) => {
    const targets = await bench.populate({ count, intervalSeconds });
    const measured = await measureChecks(bench, targets, minutes);
    sizes.push(measured);
    say(`${count} targets:`);
    console.table(describeMeasured(measured));
  });
}
publish(
  `a check every ${intervalSeconds} s by number of targets`,
  sizes.map(lineOf),
  sizes,
  options.text('json'),
);

function lineOf({
  targets,
  counts,
  cpuMsPerCheck,
  memoryMb,
  ...measured
}: ChecksMeasured): Record<string, unknown> {
  return {
    targets,
    'checks/s': counts.checksPerSecond,
    missed: counts.slotsMissed,
    'lateness p99 ms': counts.latenessMs.p99,
    'CPU ms/check': cpuMsPerCheck['all'],
    worker: cpuMsPerCheck['worker'],
    temporal: cpuMsPerCheck['temporal'],
    postgres: cpuMsPerCheck['postgres'],
    'memory MB': memoryMb['all'],
    'bytes/check': measured.bytesPerCheck.postgres,
    'events/check': measured.temporalEventsPerCheck,
  };
}
