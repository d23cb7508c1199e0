import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** One JSON line an entry on standard output. What may hold a secret is never handed to it. */
export function createLogger(level: string, processName: string): Logger {
  return pino({
    level,
    base: { process: processName, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['headers', 'body', 'apiKey', '*.headers', '*.body', '*.apiKey'],
  });
}
