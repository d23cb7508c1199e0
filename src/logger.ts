import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** One JSON line an entry on standard output. What may hold a secret is never handed to it. */
export function createLogger(level: string, processName: string): Logger {
  const destination = pino.destination({ fd: 1, sync: true });
  // A full disk under the log costs its lines, not the process: nobody is left to be told.
  destination.on('error', () => undefined);
  const options = {
    level,
    base: { process: processName, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['headers', 'body', 'apiKey', '*.headers', '*.body', '*.apiKey'],
  };
  return pino(options, destination);
}
