import { join } from 'node:path';
import { ConfigError, givenSettings, loadConfig, type Config } from '../config.ts';
import { dataDirectoryError, prepareDataDirectory, type DataPaths } from './dataDirectory.ts';
import { endWithMake } from './endWithMake.ts';
import { postgresAddress, requirePostgres, requireTemporal } from './externalServers.ts';
import { waitUntilHealthy } from './health.ts';
import { checkPorts, type WantedPort } from './ports.ts';
import { ProcessRecords } from './processRecords.ts';
import { createProgress, type Progress } from './progress.ts';
import { keepSecrets } from './secrets.ts';
import { createServices, type Entries, type Services } from './services.ts';
import { StartError } from './startError.ts';
import { becomeSupervisor } from './soleSupervisor.ts';
import { stopInOrder } from './stopInOrder.ts';
import { StopRequest, listenForStops, type StopSignals } from './stopSignals.ts';
import { summary } from './summary.ts';
import { createTouch, watchTemporal } from './watchTemporal.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ENTRIES: Entries = {
  api: join(ROOT, 'src', 'api', 'server.ts'),
  worker: join(ROOT, 'temporal', 'worker.ts'),
};

/**
 * Brings the whole stack up, keeps it running until it is asked to stop, and ends it in order.
 *
 * @returns the exit code: 0 after a stop that was asked for, 1 when it could not start or broke down; the
 *   reason is one sentence on stderr.
 */
export async function supervise(entries: Entries = ENTRIES): Promise<number> {
  const progress = createProgress((line) => process.stdout.write(`${line}\n`));
  // A closed pipe or terminal must not keep us from ending our processes.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const signals = listenForStops(progress.say);
  endWithMake(signals.request);
  let dataDir = '';
  try {
    const given = givenSettings();
    dataDir = given.dataDir;
    const paths = prepareDataDirectory(dataDir);
    const release = await becomeSupervisor(paths, progress.say, signals.stop);
    try {
      await runStack({ given, paths, entries, progress, signals });
    } finally {
      release();
    }
    return 0;
  } catch (error) {
    if (error instanceof StopRequest) return 0;
    process.stderr.write(`${explain(dataDirectoryError(dataDir, error))}\n`);
    return 1;
  }
}

interface Stack {
  readonly given: ReturnType<typeof givenSettings>;
  readonly paths: DataPaths & { readonly freeMb: number };
  readonly entries: Entries;
  readonly progress: Progress;
  readonly signals: StopSignals;
}

async function runStack({ given, paths, entries, progress, signals }: Stack): Promise<void> {
  const began = performance.now();
  const records = new ProcessRecords(paths.run);
  const ended = await records.endLeftovers();
  if (ended.length > 0) progress.say(`  ✓ ended what an earlier start had left behind: ${ended.join(', ')}`);
  if (given.somethingEmbedded) keepSecrets(paths.dataDir, given.values);
  const config = loadConfig();
  await progress.step(
    'checks',
    () => checkPorts(portsOf(config)),
    () => `ports are free, ${paths.freeMb} MB free in ${paths.dataDir}`,
  );
  const services = createServices({
    ...{ config, given: given.values, paths, entries },
    ...{ track: records.track, say: progress.say, stopping: signals.stop },
  });
  const stopAll = async (): Promise<void> => {
    const stopping = performance.now();
    await stopInOrder(services, signals.hurry);
    records.killAll();
    records.clear();
    progress.say(`Stopped in ${seconds(stopping)}.`);
  };
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => broken.reject(error));
  }
  try {
    await Promise.race([bringUp(services, config, { paths, progress, signals }), broken.promise]);
    progress.say(
      ['', `Up in ${seconds(began)}.`, ...summary(config, paths), 'Ctrl-C stops it.', ''].join('\n'),
    );
    await Promise.race([untilStopped(services, config, signals.stop), broken.promise]);
  } finally {
    await stopAll();
  }
}

async function bringUp(
  services: Services,
  config: Config,
  { paths, progress, signals }: Pick<Stack, 'paths' | 'progress' | 'signals'>,
): Promise<void> {
  const { postgres, temporal, api, workers } = services;
  const { database, temporal: temporalConfig } = config;
  const postgresAt = postgresAddress(database.url);
  await Promise.all([
    postgres === null
      ? progress.step(`using Postgres at ${postgresAt}`, () => requirePostgres(database, signals.stop))
      : progress.step(
          'Postgres',
          (note) => postgres.start(note),
          () => postgresAt,
        ),
    temporal === null
      ? progress.step(`using Temporal at ${temporalConfig.address}`, () =>
          requireTemporal(temporalConfig, signals.stop),
        )
      : progress.step(
          'Temporal',
          (note) => temporal.start(note),
          () => temporalConfig.address,
        ),
  ]);
  const workersInWords = workers.length === 1 ? 'worker' : `${workers.length} workers`;
  await progress.step(`migrations, API and ${workersInWords}`, async (note) => {
    const started = [api, ...workers];
    await Promise.all(started.map((service) => service.start()));
    const healthy = waitUntilHealthy({ port: config.port, note, logs: paths.logs, signal: signals.stop });
    await Promise.race([healthy, ...started.map(({ givenUp }) => givenUp)]);
  });
  for (const service of [postgres, temporal, api, ...workers]) service?.stackIsUp();
}

async function untilStopped({ temporal }: Services, config: Config, stop: AbortSignal): Promise<void> {
  const stopped = new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  if (stop.aborted) return;
  if (temporal === null) {
    await stopped;
    return;
  }
  const { touch, close } = createTouch(config.temporal);
  void watchTemporal({ touch, restart: (why) => temporal.restart(why), signal: stop });
  await stopped;
  await close();
}

function portsOf({ port, database, temporal }: Config): WantedPort[] {
  const host = '127.0.0.1';
  return [
    { port, use: 'the API', variable: 'PORT' },
    ...(database.embedded ? [{ port: database.port, use: 'Postgres', variable: 'POSTGRES_PORT', host }] : []),
    ...(temporal.embedded
      ? [
          { port: temporal.port, use: 'Temporal', variable: 'TEMPORAL_PORT', host },
          { port: temporal.uiPort, use: 'the Temporal UI', variable: 'TEMPORAL_UI_PORT', host },
        ]
      : []),
  ];
}

/** One sentence for what we expect; the stack only of what should never happen. */
function explain(error: unknown): string {
  if (error instanceof StartError || error instanceof ConfigError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
