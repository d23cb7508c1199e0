/**
 * How long an evaluation of all metrics takes, on a Postgres of its own:
 *
 *   npm run bench:evaluation -- --metrics 100000 --clients 12 --rounds 5 --outage 120 [--json file]
 *
 * Each round has two new samples of every metric: once with none over its threshold, once with a tenth that crosses it
 * (up in one round, down in the next). At last all samples of an hour's outage at once.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { evaluateShard, packShards } from '../src/activities/evaluateMetrics.ts';
import { migrate } from '../src/db/migrate.ts';
import { createOrm } from '../src/db/orm.ts';
import { EvaluationRepository } from '../src/db/repositories/evaluation.ts';
import { startEmbeddedPostgres } from '../src/start/embeddedPostgres.ts';
import { freePort } from '../tests/support/freePorts.ts';
import { Arguments } from './arguments.ts';
import { rounded } from './distribution.ts';
import { createMetrics, postSamples } from './evaluatedMetrics.ts';
import { publish } from './output.ts';
import { say } from './progress.ts';

const options = new Arguments({ metrics: '100000', clients: '12', rounds: '5', outage: '120', json: '' });
const population = { metrics: options.number('metrics'), clients: options.number('clients') };
const rounds = options.number('rounds');
const outageSamples = options.number('outage');
/** As the workflow does. */
const SHARDS_AT_ONCE = 2;
const ROUND_MS = 60_000;
const HOUR_MS = 3_600_000;
/** What the split is made of, by how the statements begin. */
const PARTS = {
  list: 'select client_id as',
  evaluate: 'with recursive',
  transitions: 'insert into metric_transitions',
};

interface Run {
  readonly ms: number;
  readonly breached: number;
  readonly recovered: number;
  /** Time within Postgres, of all shards together. */
  readonly split: Readonly<Record<keyof typeof PARTS, number>>;
}

const directory = await mkdtemp(join(tmpdir(), 'monitoring-bench-evaluation-'));
const server = await startEmbeddedPostgres({
  dataDir: directory,
  port: await freePort(),
  password: randomBytes(12).toString('hex'),
  logFile: join(directory, 'postgres.log'),
  settings: { shared_preload_libraries: 'pg_stat_statements' },
});
const stop = async (): Promise<void> => {
  await server.stop('immediate');
  await rm(directory, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stop().finally(() => process.exit(130)));
}
try {
  await measure();
} finally {
  await stop();
}

async function measure(): Promise<void> {
  await migrate({ migrationUrl: server.url, url: server.url, devAccess: null });
  const database = new pg.Client({ connectionString: server.url });
  const orm = createOrm({
    ...{ url: server.url, applicationName: 'bench', poolSize: SHARDS_AT_ONCE, statementTimeoutMs: 60_000 },
  });
  const evaluation = new EvaluationRepository(orm.em.fork());
  await database.connect();
  try {
    await database.query('create extension pg_stat_statements');
    say(`creating ${population.metrics} metrics of ${population.clients} clients …`);
    await createMetrics(database, population);
    let at = Date.now() - 2 * HOUR_MS;
    await postSamples(database, { count: 10, breaching: 0, until: at });
    await evaluate(database, evaluation, SHARDS_AT_ONCE); // The thresholds are new once.
    await database.query('vacuum analyze');

    /** The best of some rounds, in each of which the share alternates. */
    const best = async (shares: readonly number[], atOnce: number): Promise<Run> => {
      const runs: Run[] = [];
      for (let round = 0; round < rounds; round += 1) {
        for (const breaching of shares) {
          at += ROUND_MS;
          await postSamples(database, { count: 2, breaching, until: at });
          runs.push(await evaluate(database, evaluation, atOnce));
        }
      }
      say(`  ${runs.map(({ ms }) => Math.round(ms)).join(', ')} ms`);
      return runs.reduce((fastest, run) => (run.ms < fastest.ms ? run : fastest));
    };
    say('two new samples each …');
    const quiet = await best([0], SHARDS_AT_ONCE);
    const alone = await best([0], 1);
    say('a tenth crosses its threshold …');
    const crossing = await best([0.1, 0], SHARDS_AT_ONCE);
    say(`${outageSamples} new samples each …`);
    at = Date.now();
    await postSamples(database, { count: outageSamples, breaching: 0.1, until: at });
    const outage = await evaluate(database, evaluation, SHARDS_AT_ONCE);

    const result = { quiet, oneShardAtOnce: alone, crossing, outage };
    const table = Object.fromEntries(
      Object.entries(result).map(([name, { split, ms, ...found }]) => [
        name,
        { ms: rounded(ms, 0), ...found, ...inTable(split) },
      ]),
    );
    publish(
      `${population.metrics} metrics, ms; best of ${rounds} rounds`,
      table,
      result,
      options.text('json'),
    );
  } finally {
    await Promise.all([database.end(), orm.close()]);
  }
}

async function evaluate(database: pg.Client, evaluation: EvaluationRepository, atOnce: number): Promise<Run> {
  await database.query('select pg_stat_statements_reset()');
  const deps = {
    evaluation,
    clock: { now: () => Date.now() },
    onFault: (error: unknown) => say(`! ${String(error)}`),
    progress: () => undefined,
  };
  const began = performance.now();
  const waiting = packShards(await evaluation.clients()).values();
  const found = { breached: 0, recovered: 0 };
  const evaluateSome = async (): Promise<void> => {
    for (const shard of waiting) {
      const { breached, recovered } = await evaluateShard(deps, shard);
      found.breached += breached;
      found.recovered += recovered;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, evaluateSome));
  return { ms: performance.now() - began, ...found, split: await splitOf(database) };
}

/** In ms, for the table. */
function inTable(split: Run['split']): Record<string, number> {
  return Object.fromEntries(Object.entries(split).map(([part, ms]) => [`${part} (SQL)`, rounded(ms, 0)]));
}

async function splitOf(database: pg.Client): Promise<Run['split']> {
  const { rows } = await database.query<{ query: string; ms: number }>(
    'select query, total_exec_time as ms from pg_stat_statements',
  );
  const msOf = (beginning: string): number =>
    rows.filter(({ query }) => query.trimStart().startsWith(beginning)).reduce((sum, { ms }) => sum + ms, 0);
  return {
    list: msOf(PARTS.list),
    evaluate: msOf(PARTS.evaluate),
    transitions: msOf(PARTS.transitions),
  };
}
