import { endWithParent } from '../start/endWithParent.ts';
import { removeKey } from './settings.ts';

/** Commands that hang in the kernel, or a disk that does, may not keep the agent from ending. */
const STOPS_WITHIN_MS = 1_800;

/**
 * Runs the agent as this process: its arguments, its output, its signals.
 *
 * @param env handed on, for nothing below reads it by itself; the key is taken out of it, so that no program that is
 *   started inherits it
 * @returns the exit code
 */
export async function runAsProcess(env: NodeJS.ProcessEnv): Promise<number> {
  const stop = new AbortController();
  const requestStop = (): void => {
    if (stop.signal.aborted) return;
    setTimeout(() => process.exit(1), STOPS_WITHIN_MS).unref();
    stop.abort();
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, requestStop);
  // Started by an older Node (see main.mjs), it ends with that process.
  endWithParent(requestStop);
  const ownEnv = { ...env };
  removeKey(env);
  // Not before: systeminformation copies the environment when it is loaded.
  const { runAgent } = await import('./agent.ts');
  return runAgent({
    args: process.argv.slice(2),
    env: ownEnv,
    print: (text) => process.stdout.write(text),
    log: (line) => process.stderr.write(line),
    stop: stop.signal,
  });
}
