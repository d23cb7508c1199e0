import { isError } from './isError.ts';

/** Network errors of Node, and SQLSTATEs of a server that starts, stops or is full. */
const AWAY_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '25006', // read_only_sql_transaction: a standby that is about to take over
]);
const STATEMENT_TIMEOUT = '57014';

/** `pg` gives its own timeouts and lost connections no code. */
const AWAY_MESSAGES = [
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Connection terminated',
  'Client has encountered a connection error',
  'Query read timeout',
];

/** @returns one sentence for a client when Postgres cannot be reached or does not answer in time, else null. */
export function whyDatabaseIsAway(error: unknown): string | null {
  for (let cause = error; isError(cause); cause = cause.cause) {
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
    if (code === STATEMENT_TIMEOUT) return 'The database took too long to answer: try again in a moment.';
    const { message } = cause;
    if (
      AWAY_CODES.has(code) ||
      code.startsWith('08') || // connection exceptions
      code.startsWith('53') || // out of disk, memory, connections
      AWAY_MESSAGES.some((known) => message.startsWith(known))
    ) {
      return 'The database cannot be reached at the moment: try again in a moment.';
    }
  }
  return null;
}
