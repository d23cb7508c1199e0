import { join } from 'node:path';
import type { DataPaths } from './dataDirectory.ts';
import { waitForEnd } from './processIdentity.ts';
import { takeLock } from './processLock.ts';
import { StartError } from './startError.ts';

/** A supervisor whose make was killed needs a moment to notice and to end. */
const EARLIER_ENDS_WITHIN_MS = 2_000;

/**
 * Only one supervisor may work on a DATA_DIR; one that is just ending is waited for.
 *
 * @returns what gives the place up again.
 * @throws StartError with the other's process number.
 */
export async function becomeSupervisor(
  { dataDir, run }: DataPaths,
  say: (line: string) => void,
  stop: AbortSignal,
): Promise<() => void> {
  const path = join(run, 'supervisor.json');
  const first = takeLock(path);
  if (first.held) return first.release;
  say(`  … another start (process ${first.holder.pid}) uses ${dataDir}, waiting for it to end`);
  await waitForEnd(first.holder, EARLIER_ENDS_WITHIN_MS);
  stop.throwIfAborted();
  const second = takeLock(path);
  if (second.held) return second.release;
  const { pid } = second.holder;
  throw new StartError(
    `This stack already runs (process ${pid} uses ${dataDir}): stop it with kill ${pid}, or set DATA_DIR and the ports for a second one.`,
  );
}
