/**
 * What the heartbeats of machines cost, and how soon silence is found:
 *
 *   npm run bench:heartbeats -- --machines 5000 --report 30 --minutes 5 --threshold 5 [--ingest yes]
 *     [--rate 50 --rate-seconds 10] [--together 2000] [--away 10] [--workers 1] [--json file]
 *
 * First all of them report for some minutes. Then `--rate` machines a second fall silent, then `--together` at once.
 * With `--away` the API is killed and started again after so many minutes; nobody may be down for it.
 */
import type { Client } from '@temporalio/client';
import { connectTemporal } from '../temporal/client.ts';
import { pause, waitFor } from '../src/start/waitFor.ts';
import { sendSignal } from '../src/start/processIdentity.ts';
import { processOf } from '../tests/support/stackProcesses.ts';
import { Arguments } from './arguments.ts';
import { Bench } from './bench.ts';
import { othersCores, takeUsage, type UsageSnapshot } from './cost.ts';
import { inWords, rounded } from './distribution.ts';
import { MachineFleet } from './machineFleet.ts';
import { publish } from './output.ts';
import { countingProgress, say } from './progress.ts';
import { untilFound, type Found } from './silence.ts';

const options = new Arguments({
  ...{ machines: '5000', report: '30', minutes: '5', threshold: '5', ingest: 'no', workers: '1' },
  ...{ rate: '50', 'rate-seconds': '10', together: '2000', away: '0', json: '' },
});
const machines = options.number('machines');
const minutes = options.number('minutes');
const thresholdMinutes = options.number('threshold');
const rate = options.number('rate');
const rateSeconds = options.number('rate-seconds');
const together = options.number('together');
const awayMinutes = Number(options.text('away'));
const STARTED_MS_PER_MACHINE = 100;
const SETTLE_MS = 30_000;

const env = { WORKER_PROCESSES: options.text('workers'), RATE_LIMIT_INGEST: '1000000' };
const withinMinutes = 20 + minutes + 4 * thresholdMinutes + 2 * awayMinutes + machines / 200;

await Bench.run({ env, withinMinutes }, async (bench) => {
  const { stack, database, signal, farm } = bench;
  const connection = connectTemporal({
    ...{ embedded: true, address: `127.0.0.1:${stack.ports.temporal}`, port: stack.ports.temporal },
    ...{ uiPort: stack.ports.temporalUi, uiUrl: null, namespace: 'default' },
    ...{ apiKey: null, tls: {}, taskQueuePrefix: '' },
  });
  try {
    const temporal = connection.client;
    await setThreshold(stack.apiUrl, stack.apiKey());
    const fleet = new MachineFleet(stack, database, {
      ...{ count: machines, reportSeconds: options.number('report') },
      throughIngest: options.text('ingest') === 'yes',
    });
    say(`registering ${machines} machines …`);
    await fleet.begin();
    await untilWatched(temporal);
    await pause(SETTLE_MS, signal);

    say(`all of them report for ${minutes} min …`);
    const before = takeUsage(stack, farm.pid);
    await pause(minutes * 60_000, signal);
    const after = takeUsage(stack, farm.pid);
    const steady = {
      cores: coresBetween(before, after, minutes * 60),
      othersCores: othersCores(before, after, minutes * 60),
      falseDowns: await countFalseDowns(fleet),
    };
    say(JSON.stringify(steady));

    const finding = { database, temporal, thresholdMs: thresholdMinutes * 60_000, signal };
    say(`${rate} machines a second fall silent for ${rateSeconds} s …`);
    const falling: string[] = [];
    for (let second = 0; second < rateSeconds; second += 1) {
      falling.push(...fleet.silence(rate));
      await pause(1_000, signal);
    }
    const oneByOne = await untilFound(falling, finding);
    say(JSON.stringify(oneByOne));
    say(`${together} machines fall silent at once …`);
    const atOnce = await untilFound(await fleet.silenceTogether(together), finding);
    say(JSON.stringify(atOnce));
    const away = awayMinutes > 0 ? await stopApi(fleet) : null;
    fleet.pause();
    const result = { machines, thresholdMinutes, steady, oneByOne, atOnce, away, refused: fleet.refused };
    publish(
      `${machines} machines every ${options.text('report')} s, silent after ${thresholdMinutes} min`,
      {
        'cores while all report': JSON.stringify(steady.cores),
        'cores busy with something else': String(steady.othersCores),
        'falsely down': `${steady.falseDowns}${away === null ? '' : `, by an API that was away ${away.falseDowns}`}`,
        ...describeFound(`${rate} a second`, oneByOne),
        ...describeFound(`${together} at once`, atOnce),
        'posts that were refused': String(fleet.refused),
      },
      result,
      options.text('json'),
    );
  } finally {
    await connection.close();
  }

  async function untilWatched(temporal: Client): Promise<void> {
    const progress = countingProgress('workflows', machines);
    const running = async (): Promise<boolean> => {
      const { count } = await temporal.workflow.count(
        "MonitorKind = 'machine-heartbeat' AND ExecutionStatus = 'Running'",
      );
      progress(count);
      return count >= machines;
    };
    const withinMs = 180_000 + machines * STARTED_MS_PER_MACHINE;
    const isWatched = await waitFor(running, { withinMs, everyMs: 1_000, signal });
    if (isWatched !== true) throw new Error('not every machine has a workflow');
  }

  /** Its supervisor is frozen meanwhile, or it would start another one. */
  async function stopApi(fleet: MachineFleet): Promise<{ falseDowns: number }> {
    say(`the API is away for ${awayMinutes} min …`);
    const supervisor = processOf(stack, 'supervisor').pid;
    const before = await countFalseDowns(fleet);
    sendSignal(supervisor, 'SIGSTOP');
    sendSignal(processOf(stack, 'api').pid, 'SIGKILL');
    fleet.pause();
    try {
      await pause(awayMinutes * 60_000, signal);
    } finally {
      sendSignal(supervisor, 'SIGCONT');
    }
    await waitFor(() => stack.isHealthy(), { withinMs: 120_000, everyMs: 200, signal });
    say('the API is back');
    fleet.resume();
    await pause((2 * thresholdMinutes + 2) * 60_000, signal);
    return { falseDowns: (await countFalseDowns(fleet)) - before };
  }

  async function countFalseDowns(fleet: MachineFleet): Promise<number> {
    const { rows } = await database.query<{ count: number }>(
      `select count(*)::int as count from machine_transitions t join machines m on m.key = t.machine_key
       where t.to_status = 'down' and m.id = any($1::uuid[])`,
      [fleet.living.map(({ id }) => id)],
    );
    return rows[0]?.count ?? 0;
  }
});

async function setThreshold(apiUrl: string, apiKey: string): Promise<void> {
  const { ok, status } = await fetch(`${apiUrl}/settings`, {
    method: 'PUT',
    headers: { 'X-API-Key': apiKey, 'Content-Type': 'application/json' },
    body: JSON.stringify({ heartbeat_threshold_minutes: thresholdMinutes }),
  });
  if (!ok) throw new Error(`PUT /settings answered ${status}`);
}

function coresBetween(before: UsageSnapshot, after: UsageSnapshot, seconds: number): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after.groups).map(([name, { cpuSeconds }]) => [
      name,
      rounded((cpuSeconds - (before.groups[name]?.cpuSeconds ?? 0)) / seconds, 3),
    ]),
  );
}

function describeFound(who: string, found: Found): Record<string, string> {
  return {
    [`${who}: rows after the threshold, p50 / p99 / worst`]: inWords(found.rows, 's'),
    [`${who}: workflows, p50 / p99 / worst`]: `${inWords(found.workflows, 's')}, ${found.missing} missing`,
  };
}
