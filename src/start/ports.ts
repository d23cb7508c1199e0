import { connect, createServer } from 'node:net';
import { StartError, systemErrorCode } from './startError.ts';

/** A port that the stack is about to listen on. */
export interface WantedPort {
  readonly port: number;
  /** What listens there, in words: `Postgres`. */
  readonly use: string;
  /** The variable that moves it. */
  readonly variable: string;
  /** The address that is listened on; undefined for all of them. */
  readonly host?: string;
}

/**
 * Checks before anything is started that every port is free and none is wanted twice.
 *
 * @throws StartError naming the port and the variable that moves it.
 */
export async function checkPorts(wanted: readonly WantedPort[]): Promise<void> {
  const seen = new Map<number, WantedPort>();
  for (const entry of wanted) {
    const other = seen.get(entry.port);
    if (other !== undefined) {
      throw new StartError(
        `${other.variable} and ${entry.variable} are both ${entry.port}: set one of them to another port.`,
      );
    }
    seen.set(entry.port, entry);
  }
  for (const entry of wanted) {
    const problem = await whyNotFree(entry);
    if (problem !== null) throw new StartError(portSentence(entry, problem));
  }
}

/** The sentence for a port that cannot be listened on. */
export function portSentence({ port, use, variable }: WantedPort, code: string): string {
  if (code === 'EACCES') {
    return `Port ${port} for ${use} may not be opened by this user: set ${variable} to one above 1023.`;
  }
  const problem = code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be opened (${code})`;
  return `Port ${port} for ${use} ${problem}: stop that program, or set ${variable} to another port.`;
}

/** Whether somebody listens on that port of this machine. */
export async function isListening(port: number, host = '127.0.0.1'): Promise<boolean> {
  return (await connectionProblem(host, port, 1_000)) === null;
}

/** Why nothing can be reached at host:port (`ECONNREFUSED`, `ENOTFOUND`, `ETIMEDOUT` …), or null when it can. */
export async function connectionProblem(
  host: string,
  port: number,
  withinMs: number,
): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, autoSelectFamily: true });
    const answer = (problem: string | null): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(withinMs, () => answer('ETIMEDOUT'));
    socket.once('connect', () => answer(null));
    socket.once('error', (error) => answer(systemErrorCode(error) ?? 'ECONNREFUSED'));
  });
}

async function whyNotFree({ port, host }: WantedPort): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(systemErrorCode(error) ?? 'EADDRINUSE'));
    server.listen({ port, exclusive: true, ...(host === undefined ? {} : { host }) }, () => {
      server.close(() => resolve(null));
    });
  });
}
