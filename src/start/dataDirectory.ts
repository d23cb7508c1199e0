import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, statSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StartError, messageOf, systemErrorCode, textOf } from './startError.ts';

const MEGABYTE = 1024 * 1024;
/** A new stack takes some 60 MB; below this nothing good comes of starting. */
const NEEDED_FREE_MB = 200;

/** Where things are in DATA_DIR. */
export interface DataPaths {
  readonly dataDir: string;
  readonly logs: string;
  /** Which processes run, for the next start to know. */
  readonly run: string;
}

/**
 * Makes DATA_DIR with its folders, and checks that it can be written and has room.
 *
 * @returns the paths, and the free space in megabytes.
 * @throws StartError with the one sentence about what is wrong with it.
 */
export function prepareDataDirectory(dataDir: string): DataPaths & { readonly freeMb: number } {
  const paths = { dataDir, logs: join(dataDir, 'logs'), run: join(dataDir, 'run') };
  try {
    for (const path of [dataDir, paths.logs, paths.run]) makeDirectory(path);
    const probe = join(paths.run, `probe.${randomUUID()}`);
    try {
      writeFileSync(probe, 'Can this be written?\n', { flush: true });
    } finally {
      rmSync(probe, { force: true });
    }
    const { bavail, bsize } = statfsSync(dataDir);
    const freeMb = Math.floor((bavail * bsize) / MEGABYTE);
    if (freeMb < NEEDED_FREE_MB) throw new StartError(noRoom(dataDir, freeMb));
    return { ...paths, freeMb };
  } catch (error) {
    throw dataDirectoryError(dataDir, error);
  }
}

/** Turns what the file system says about DATA_DIR into its sentence; leaves anything else as it is. */
export function dataDirectoryError(dataDir: string, error: unknown): unknown {
  if (error instanceof StartError || isAboutAnotherPath(dataDir, error)) return error;
  switch (systemErrorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StartError(noRoom(dataDir, 0));
    case 'EROFS':
      return new StartError(
        `DATA_DIR ${dataDir} is on a read-only file system: set DATA_DIR to a directory that can be written.`,
      );
    case 'EACCES':
    case 'EPERM':
      return new StartError(
        `DATA_DIR ${dataDir} may not be written by this user: change its owner, or set DATA_DIR to another directory.`,
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return new StartError(
        `DATA_DIR ${dataDir} is not a directory (or holds a file where a directory belongs): move the file away, or set DATA_DIR to another path.`,
      );
    case null:
      return error;
    default:
      return new StartError(
        `DATA_DIR ${dataDir} cannot be used (${messageOf(error)}): set DATA_DIR to another directory.`,
      );
  }
}

function isAboutAnotherPath(dataDir: string, error: unknown): boolean {
  const path = textOf(error, 'path');
  return path !== null && !`${path}/`.startsWith(`${dataDir}/`) && !`${dataDir}/`.startsWith(`${path}/`);
}

/** mkdir -p. Node's own tries for ever where the system says that a parent is not there though it is (/proc). */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (!existsSync(dirname(path))) makeDirectory(dirname(path));
  mkdirSync(path);
}

function noRoom(dataDir: string, freeMb: number): string {
  return `The disk of DATA_DIR ${dataDir} is full (${freeMb} MB free, ${NEEDED_FREE_MB} MB needed): make room on it, or set DATA_DIR to a directory on another disk.`;
}
