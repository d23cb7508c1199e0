import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDevServer, type DevServer } from '../../temporal/devServer.ts';
import { findTemporalServer } from '../../temporal/findServer.ts';
import { freePort } from './freePorts.ts';
import startTestPostgres, { stopTestPostgres } from './postgresSetup.ts';
import { timeSkippingServerBinary } from './timeSkippingServer/binary.ts';

/** Environment variable that tells the test files of a jest run where its Temporal is. */
export const TEST_TEMPORAL_ADDRESS = 'TEST_TEMPORAL_ADDRESS';

interface Running {
  readonly server: DevServer;
  readonly directory: string;
}

const shared = globalThis as typeof globalThis & { testTemporal?: Promise<Running> | undefined };

/** Jest's globalSetup of the projects that need Postgres and Temporal: one of each a run, on free ports. */
export default async function startTestServers(): Promise<void> {
  shared.testTemporal ??= start();
  // Fetched here, once, so that no test's time limit counts a download.
  const [{ server }] = await Promise.all([
    shared.testTemporal,
    startTestPostgres(),
    timeSkippingServerBinary(),
  ]);
  process.env[TEST_TEMPORAL_ADDRESS] = server.address;
}

/** Jest's globalTeardown; does nothing the second time. */
export async function stopTestServers(): Promise<void> {
  const { testTemporal } = shared;
  shared.testTemporal = undefined;
  if (testTemporal !== undefined) {
    const { server, directory } = await testTemporal;
    await server.stop({ withinMs: 2_000 });
    await rm(directory, { recursive: true, force: true });
  }
  await stopTestPostgres();
}

async function start(): Promise<Running> {
  const directory = await mkdtemp(join(tmpdir(), 'monitoring-test-temporal-'));
  const server = await startDevServer({
    binary: await findTemporalServer({ onProgress: (line) => process.stderr.write(`${line}\n`) }),
    port: await freePort(),
    logFile: join(directory, 'temporal.log'),
  });
  process.once('exit', () => {
    if (shared.testTemporal !== undefined) process.kill(server.pid, 'SIGKILL');
  });
  return { server, directory };
}
