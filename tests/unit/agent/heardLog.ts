import { createLog, type Log } from '../../../src/agent/log.ts';

/** A log whose lines a test reads. */
export function heardLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: createLog((line) => lines.push(line.trimEnd()), { verbose: false }), lines };
}
