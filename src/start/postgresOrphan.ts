import { readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine, identifyProcess, sendSignal, waitForEnd } from './processIdentity.ts';
import { StartError } from './startError.ts';

/**
 * Ends a Postgres that still runs on this cluster because whoever started it was killed, and removes a
 * postmaster.pid whose number meanwhile belongs to somebody else (Postgres would refuse to start over it).
 *
 * @returns whether one was ended.
 * @throws StartError when it cannot be ended.
 */
export async function endOrphanedPostgres(clusterDir: string): Promise<boolean> {
  const pidFile = join(clusterDir, 'postmaster.pid');
  const pid = readPid(pidFile);
  const identity = pid === null ? null : identifyProcess(pid);
  if (identity === null) return false; // A stale file of a dead process is Postgres' own business.
  const command = commandLine(identity.pid);
  if (!command.includes('postgres') || !mentions(command, clusterDir)) {
    rmSync(pidFile, { force: true });
    return false;
  }
  // SIGINT: disconnect everybody and shut down cleanly. SIGQUIT: at once, with recovery at the next start.
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    sendSignal(identity.pid, signal);
    if (await waitForEnd(identity, 5_000)) return true;
  }
  throw new StartError(
    `Another Postgres (process ${identity.pid}) still runs on ${clusterDir} and cannot be ended: stop it, or choose another DATA_DIR.`,
  );
}

function mentions(command: string, clusterDir: string): boolean {
  return command.includes(clusterDir) || command.includes(realpathSync(clusterDir));
}

/** The first line of postmaster.pid is the server's process number. */
function readPid(pidFile: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
    return Number.isSafeInteger(pid) && pid > 1 ? pid : null;
  } catch {
    return null;
  }
}
