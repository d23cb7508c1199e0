import { signalsOf } from './signalsOf.ts';

const LOOK_EVERY_MS = 250;

/**
 * `make start` is the face of the stack: when make is gone, the stack goes too. SIGTERM make hands on; but killed
 * hard it cannot, and SIGINT sent to it alone (not by Ctrl-C, which reaches both) it keeps to itself and waits
 * for us for ever. Such a make has stopped catching SIGINT, which Linux shows.
 */
export function endWithMake(stop: (why: string) => void): void {
  if (process.env['MAKELEVEL'] === undefined) return;
  const parent = process.ppid;
  const { command, catches } = signalsOf(parent);
  // Started in the background by a script it never caught it: there, SIGINT is ignored.
  const takesInterrupt = /^g?make$/.test(command) && catches('SIGINT');
  const watcher = setInterval(() => {
    if (process.ppid !== parent) stop('make is gone');
    else if (takesInterrupt && !signalsOf(parent).catches('SIGINT')) stop('make was interrupted');
    else return;
    clearInterval(watcher);
  }, LOOK_EVERY_MS);
  watcher.unref();
}
