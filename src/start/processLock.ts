import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { identifyProcess, isRunning, type ProcessIdentity } from './processIdentity.ts';
import { systemErrorCode } from './startError.ts';

const Holder = z.object({ pid: z.number().int().positive(), startedAt: z.string() });

type LockAnswer =
  | { readonly held: true; readonly release: () => void }
  | { readonly held: false; readonly holder: ProcessIdentity };

/**
 * Takes a lock for the life of this process: a file that names its holder by number and start time, so that a
 * holder that was killed holds it no longer, and a later process of the same number is not taken for it.
 *
 * @throws the file system's error when the lock cannot be written.
 */
export function takeLock(path: string): LockAnswer {
  const me = identifyProcess(process.pid);
  if (me === null) throw new Error('This process cannot find itself in the process table.');
  for (;;) {
    const mine = `${path}.${randomUUID()}`;
    writeFileSync(mine, JSON.stringify(me), { mode: 0o644, flush: true });
    try {
      linkSync(mine, path); // Fails when it exists: one of several at once gets it, complete from the first moment.
      return { held: true, release: () => release(path, me) };
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    } finally {
      rmSync(mine, { force: true });
    }
    const holder = lockHolder(path);
    if (holder !== null) return { held: false, holder };
    removeStale(path);
  }
}

/** Who holds the lock, or null when nobody does or its holder has ended. */
function lockHolder(path: string): ProcessIdentity | null {
  const holder = readHolder(path);
  return holder !== null && isRunning(holder) ? holder : null;
}

/** Moves the stale file aside; what was moved may by then be a fresh one, which is put back. */
function removeStale(path: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
    const moved = lockHolder(aside);
    if (moved !== null) linkSync(aside, path);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(systemErrorCode(error) ?? '')) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function release(path: string, me: ProcessIdentity): void {
  const holder = readHolder(path);
  if (holder?.pid === me.pid && holder.startedAt === me.startedAt) rmSync(path, { force: true });
}

function readHolder(path: string): ProcessIdentity | null {
  try {
    return Holder.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}
