import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 250;
const SIGINT_BIT = 1n << 1n;

/**
 * `make start` is the face of the stack: when make is gone, the stack goes too. SIGTERM make hands on; but killed
 * hard it cannot, and SIGINT sent to it alone (not by Ctrl-C, which reaches both) it keeps to itself and waits
 * for us for ever. Such a make no longer catches SIGINT, which Linux shows.
 */
export function endWithMake(stop: (why: string) => void): void {
  if (process.env['MAKELEVEL'] === undefined) return;
  const parent = process.ppid;
  const isMake = /^g?make$/.test(readProc(parent, 'comm').trim());
  const watcher = setInterval(() => {
    if (process.ppid !== parent) stop('make is gone');
    else if (isMake && !catchesInterrupt(parent)) stop('make was interrupted');
    else return;
    clearInterval(watcher);
  }, LOOK_EVERY_MS);
  watcher.unref();
}

function catchesInterrupt(pid: number): boolean {
  const [, mask] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readProc(pid, 'status')) ?? [];
  return mask === undefined || (BigInt(`0x${mask}`) & SIGINT_BIT) !== 0n;
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
