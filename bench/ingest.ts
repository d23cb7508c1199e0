/**
 * How many metrics one API process takes, and whether each of them is stored once:
 *
 *   npm run bench:ingest -- --machines 200 --metrics 100 --seconds 30 [--rate 250] [--connections 40] [--json file]
 *
 * `--rate` is in batches a second, `most` as many as there can be; then some are still on their way when the time is
 * over, and are stored without an answer. Latency is corrected for what a slow answer held up.
 */
import { randomUUID } from 'node:crypto';
import autocannon from 'autocannon';
import type { Client } from 'pg';
import { z } from 'zod';
import { Arguments } from './arguments.ts';
import { Bench } from './bench.ts';
import { othersCores, takeUsage, type UsageSnapshot } from './cost.ts';
import { rounded } from './distribution.ts';
import { publish } from './output.ts';
import { say } from './progress.ts';

const options = new Arguments({
  ...{ machines: '200', metrics: '100', seconds: '30', rate: '250', connections: '40', json: '' },
});
const machines = options.number('machines');
const metricsEach = options.number('metrics');
const seconds = options.number('seconds');
const rate = options.text('rate') === 'most' ? null : options.number('rate');
const connections = options.number('connections');
/** Posts of each machine: every metric is registered then, and the code is warm. */
const WARM_UP_POSTS = 5;

const Stored = z.object({
  samples: z.number(),
  ingests: z.number(),
  doubled: z.number(),
  bytes: z.number(),
});

await Bench.run({ env: { RATE_LIMIT_INGEST: '1000000' }, withinMinutes: 5 + seconds / 60 }, async (bench) => {
  const { stack, database, farm } = bench;
  say(`registering ${machines} machines with ${metricsEach} metrics each …`);
  await send(stack.apiUrl, stack.apiKey(), { amount: machines * WARM_UP_POSTS });
  const storedBefore = await readStored(database);
  say(`posting for ${seconds} s …`);
  const before = takeUsage(stack, farm.pid);
  const began = performance.now();
  const howMuch = rate === null ? { duration: seconds } : { amount: rate * seconds, overallRate: rate };
  const sent = await send(stack.apiUrl, stack.apiKey(), howMuch);
  const tookSeconds = (performance.now() - began) / 1_000;
  const after = takeUsage(stack, farm.pid);
  const stored = await readStored(database);

  const accepted = sent.statusCodeStats?.['202']?.count ?? 0;
  const result = {
    metricsPerSecond: Math.round((accepted * metricsEach) / tookSeconds),
    batchesAccepted: accepted,
    otherAnswers: sent.requests.total - accepted,
    errors: sent.errors + sent.timeouts,
    latencyMs: { p50: sent.latency.p50, p99: sent.latency.p99, worst: sent.latency.max },
    /** Of what was answered with 202. */
    samplesBeyondAnswered: stored.samples - storedBefore.samples - accepted * metricsEach,
    ingestsBeyondAnswered: stored.ingests - storedBefore.ingests - accepted,
    samplesDoubled: stored.doubled,
    bytesPerSample: rounded(stored.bytes / stored.samples, 1),
    cores: coresBetween(before, after, tookSeconds),
    othersCores: othersCores(before, after, tookSeconds),
  };
  publish(
    `${machines} machines, batches of ${metricsEach}, ${seconds} s${rate === null ? '' : `, ${rate} batches a second`}`,
    {
      'metrics a second': String(result.metricsPerSecond),
      'batches answered 202 / other answers / errors': `${accepted} / ${result.otherAnswers} / ${result.errors}`,
      'latency p50 / p99 / worst': `${result.latencyMs.p50} / ${result.latencyMs.p99} / ${result.latencyMs.worst} ms`,
      'samples, ids stored beyond those answered': `${result.samplesBeyondAnswered}, ${result.ingestsBeyondAnswered}`,
      'samples doubled': String(result.samplesDoubled),
      'bytes a sample, index included': String(result.bytesPerSample),
      cores: JSON.stringify(result.cores),
      'cores busy with something else (the sender is one)': String(result.othersCores),
    },
    result,
    options.text('json'),
  );
});

/** Each request is a batch of its own: another id, other values, the next machine. */
function send(
  apiUrl: string,
  apiKey: string,
  howMuch: { amount?: number; duration?: number; overallRate?: number },
): Promise<autocannon.Result> {
  let next = 0;
  const setupRequest = (request: autocannon.Request): autocannon.Request => {
    next += 1;
    return { ...request, ...batch(apiKey, next % machines) };
  };
  return autocannon({
    url: `${apiUrl}/ingest/metrics`,
    method: 'POST',
    connections,
    ...howMuch,
    requests: [{ setupRequest }],
  });
}

function batch(apiKey: string, machine: number) {
  const metrics = Array.from({ length: metricsEach }, (_, index) => ({
    name: `sensor_${index}`,
    type: 'numeric',
    value: rounded(Math.random() * 100, 3),
    unit: 'percent',
  }));
  return {
    headers: {
      'X-API-Key': apiKey,
      'X-Ingest-Id': randomUUID(),
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({
      machine: { hostname: `bench-${machine}`, os: 'linux' },
      metrics,
      sent_at: new Date().toISOString(),
    }),
  };
}

async function readStored(database: Client): Promise<z.output<typeof Stored>> {
  const { rows } = await database.query(`
    select count(*)::int as samples, (select count(*)::int from ingests) as ingests,
      (count(*) - count(distinct (metric_key, at, num_value)))::int as doubled,
      (select sum(pg_total_relation_size(inhrelid))::float8 from pg_inherits
        where inhparent = 'metric_samples'::regclass) as bytes
    from metric_samples`);
  return Stored.parse(rows[0]);
}

function coresBetween(before: UsageSnapshot, after: UsageSnapshot, tookSeconds: number) {
  return Object.fromEntries(
    Object.entries(after.groups).map(([name, { cpuSeconds }]) => [
      name,
      rounded((cpuSeconds - (before.groups[name]?.cpuSeconds ?? 0)) / tookSeconds, 2),
    ]),
  );
}
