import { pino } from 'pino';
import { loadConfig } from '../../src/config.ts';
import { runWorker } from '../../temporal/worker.ts';
import { openWorkerSurroundings, type WorkerSurroundings } from './workerSurroundings.ts';

/** A worker as in production, in this process. */
export interface RealWorker extends WorkerSurroundings {
  readonly stop: () => Promise<void>;
}

export async function startRealWorker(): Promise<RealWorker> {
  const surroundings = await openWorkerSurroundings();
  const worker = runWorkerHere(surroundings.env);
  return {
    ...surroundings,
    stop: async () => {
      await worker.stop();
      await surroundings.close();
    },
  };
}

/** A worker that runs in this process. */
export interface WorkerHere {
  /** What it has logged so far, a JSON text a line. */
  readonly log: () => string;
  readonly stop: () => Promise<void>;
}

/** Starts a worker and waits for nothing; one a test file, since the SDK's runtime is installed once. */
export function runWorkerHere(env: Readonly<Record<string, string>>): WorkerHere {
  const stop = new AbortController();
  let log = '';
  const logger = pino({ level: 'warn' }, { write: (line: string) => (log += line) });
  const worker = runWorker(loadConfig(env), logger, stop.signal);
  return {
    log: () => log,
    stop: async () => {
      stop.abort();
      await worker;
    },
  };
}
