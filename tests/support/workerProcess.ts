import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { sendSignal } from '../../src/start/processIdentity.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** A worker as production runs it: a process of its own, that can be killed and stood still. */
export interface WorkerProcess {
  readonly name: string;
  readonly pid: number;
  /** What it has logged so far, a JSON text a line. */
  readonly log: () => string;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Its exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Ends it without regard, whatever state it is in. */
  readonly kill: () => Promise<void>;
}

/** Starts a worker and waits for nothing. @param env all it gets to know of its surroundings */
export async function startWorkerProcess(
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<WorkerProcess> {
  const child = spawn(process.execPath, ['--max-old-space-size=2048', join('temporal', 'worker.ts')], {
    cwd: ROOT,
    // Its channel ends with this process, and so does the worker, also where the test run is killed.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env, WORKER_NAME: name },
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  }
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} did not start`);
  return {
    ...{ name, pid, exited },
    log: () => log,
    signal: (signal) => sendSignal(pid, signal),
    kill: async () => {
      sendSignal(pid, 'SIGKILL');
      await exited;
    },
  };
}
