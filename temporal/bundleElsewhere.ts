import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = fileURLToPath(new URL('bundleProcess.ts', import.meta.url));
/** Some 1 MB; a limit, because there is one by default. */
const MAX_BYTES = 64 * 1_024 * 1_024;

const run = promisify(execFile);

/**
 * Bundles the workflows in a process of its own, which takes the bundler's memory with it when it ends.
 *
 * @throws Error with what the bundler said, or the signal's AbortError
 */
export async function bundleElsewhere(signal: AbortSignal): Promise<string> {
  const { stdout } = await run(process.execPath, [PROGRAM], {
    maxBuffer: MAX_BYTES,
    signal,
    // It needs nothing of ours, least of all NODE_COMPILE_CACHE: the bundler is not worth keeping compiled.
    env: {},
  });
  return stdout;
}
