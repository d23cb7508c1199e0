import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const ROTATE_ABOVE_BYTES = 50 * 1024 * 1024;

/** Makes the log's directory, and moves a log that has grown beyond 50 MB aside (one old file is kept). */
export function prepareLog(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const size = logSize(path);
  if (size > ROTATE_ABOVE_BYTES) renameSync(path, `${path}.1`);
}

/** Size in bytes, 0 when there is no such file. */
export function logSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last lines of a log, at most `lines` of them and 64 KiB, none from before byte `from`. */
export function tailOf(path: string, lines: number, from = 0): string[] {
  const size = logSize(path);
  const start = Math.max(from, size - 64 * 1024);
  if (size <= start) return [];
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.max(0, fstatSync(file).size - start));
    const length = readSync(file, buffer, 0, buffer.length, start);
    return buffer
      .toString('utf8', 0, length)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-lines);
  } finally {
    closeSync(file);
  }
}
