import { join } from 'node:path';
import {
  describeExit,
  startChild,
  stopChild,
  type Exit,
  type TrackProcess,
} from '../src/start/childProcess.ts';
import { tailOf } from '../src/start/logFile.ts';
import { systemErrorCode } from '../src/start/startError.ts';
import { settlesWithin } from '../src/start/waitFor.ts';

const MODULE = 'github.com/temporalio/cli';
/** The Go proxy that cannot even name the module for so long cannot be reached. */
const REACHABLE_WITHIN_MS = 5_000;
const BUILT_WITHIN_MS = 30 * 60_000;
const TELL_EVERY_MS = 10_000;

interface BuildOptions {
  /** Of the CLI, without a leading v. Versions after 1.5.1 carry a `replace` and cannot be installed this way. */
  readonly version: string;
  /** An empty directory, in which the program is made. */
  readonly directory: string;
  /** Go needs PATH, HOME and what GOPROXY and the like say. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onProgress: (message: string) => void;
  readonly track?: TrackProcess | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds the Temporal CLI with the machine's Go (measured: 2 min 46 s on 2 cores, once).
 *
 * @returns the program's path in the given directory.
 * @throws an Error with one line when there is no Go, its module source cannot be reached within 5 s, or the
 *   build fails.
 */
export async function buildCli(options: BuildOptions): Promise<string> {
  const { version, directory, onProgress } = options;
  const known = await runGo(['list', '-m', `${MODULE}@v${version}`], options, REACHABLE_WITHIN_MS);
  if (known === 'too late') {
    throw new Error(`the Go module proxy does not answer within ${REACHABLE_WITHIN_MS / 1000} s`);
  }
  if (known.code !== 0) throw new Error(`Go does not find ${MODULE} (${lastWords(directory, known)})`);

  const began = performance.now();
  const tell = (): void => {
    const seconds = Math.round((performance.now() - began) / 1000);
    onProgress(`building Temporal with Go, ${seconds} s (takes about 3 minutes on 2 cores, once)`);
  };
  tell();
  const ticker = setInterval(tell, TELL_EVERY_MS);
  try {
    const built = await runGo(['install', `${MODULE}/cmd/temporal@v${version}`], options, BUILT_WITHIN_MS);
    if (built === 'too late') throw new Error(`Go did not finish within ${BUILT_WITHIN_MS / 60_000} minutes`);
    if (built.code !== 0) throw new Error(`Go cannot build it (${lastWords(directory, built)})`);
  } finally {
    clearInterval(ticker);
  }
  return join(directory, 'temporal');
}

async function runGo(
  args: readonly string[],
  options: BuildOptions,
  withinMs: number,
): Promise<Exit | 'too late'> {
  const { directory, environment, signal } = options;
  signal?.throwIfAborted();
  const go = await startChild({
    command: 'go',
    args,
    cwd: directory, // Outside of any module.
    env: { ...environment, GOBIN: directory },
    logFile: logOf(directory),
  }).catch((error: unknown) => {
    throw new Error(
      systemErrorCode(error) === 'ENOENT' ? 'there is no Go on this machine' : 'Go cannot be run',
      {
        cause: error,
      },
    );
  });
  options.track?.('go', go.pid);
  const inTime = await settlesWithin(go.exited, withinMs, signal);
  if (!inTime) await stopChild(go, { signal: 'SIGTERM', withinMs: 500 });
  signal?.throwIfAborted();
  return inTime ? go.exited : 'too late';
}

function logOf(directory: string): string {
  return join(directory, 'go.log');
}

function lastWords(directory: string, exit: Exit): string {
  return tailOf(logOf(directory), 1)[0]?.trim() ?? describeExit(exit);
}
