import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { errorCode, ownFault, ProbeFailure, ProbeStopped } from './failure.ts';

/** RFC 8305, section 5: the next address is tried when the one before has not answered for this long. */
const ATTEMPT_DELAY_MS = 250;

interface Connected {
  readonly socket: Socket;
  readonly address: string;
}

/**
 * Connects to several addresses of one host, each after the one before has failed or been slow; the first
 * connection wins and all others are dropped. Unlike Node's `autoSelectFamily`, a slow attempt is not given
 * up for the next one: a host on the other side of the world would seem dead.
 *
 * @param addresses at least one, all permitted.
 * @param name what to call an address in messages.
 * @throws ProbeFailure when no address can be connected to; ProbeStopped when aborted.
 */
export function connectFirst(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
  name: (address: string) => string,
): Promise<Connected> {
  return new Promise((resolve, reject) => {
    const attempts = new Set<Socket>();
    const failures: ProbeFailure[] = [];
    let begun = 0;
    let nextAttempt: NodeJS.Timeout | undefined;

    const end = () => {
      clearTimeout(nextAttempt);
      signal.removeEventListener('abort', onAbort);
      for (const socket of attempts) socket.destroy();
    };
    const onAbort = () => {
      end();
      reject(new ProbeStopped());
    };
    const begin = () => {
      clearTimeout(nextAttempt);
      const address = addresses[begun];
      if (address === undefined) return;
      begun += 1;
      const socket = connect({ host: address, port, noDelay: true });
      attempts.add(socket);
      // Stays on: an error between here and the next owner of the socket must not end the process.
      socket.on('error', (error) => {
        if (!attempts.delete(socket)) return;
        failures.push(connectFailure(error, name(address), address));
        if (failures.length === addresses.length) {
          end();
          reject(mostTelling(failures));
        } else if (attempts.size === 0) {
          begin();
        }
      });
      socket.once('connect', () => {
        attempts.delete(socket);
        end();
        resolve({ socket, address });
      });
      if (begun < addresses.length) nextAttempt = setTimeout(begin, ATTEMPT_DELAY_MS);
    };

    if (signal.aborted) {
      reject(new ProbeStopped());
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    begin();
  });
}

/** A host with one dead address and one that we cannot reach at all is down by the former. */
function mostTelling(failures: readonly ProbeFailure[]): ProbeFailure {
  const [first] = failures;
  const theirs = failures.find(({ failureClass }) => failureClass !== 'monitor');
  return theirs ?? first ?? new ProbeFailure('monitor', 'There was no address to connect to');
}

function connectFailure(error: Error, endpoint: string, address: string): ProbeFailure {
  const code = errorCode(error);
  const own = ownFault(code);
  if (own !== null) return own;
  switch (code) {
    case 'ECONNREFUSED':
      return new ProbeFailure('connect', `Connection refused by ${endpoint}`);
    case 'ECONNRESET':
      return new ProbeFailure('connect', `Connection reset by ${endpoint}`);
    case 'EHOSTUNREACH':
    case 'EHOSTDOWN':
      return new ProbeFailure('connect', `No route to ${endpoint}`);
    case 'ENETUNREACH':
    case 'EAFNOSUPPORT':
      return unreachableNetwork(endpoint, address);
    case 'ETIMEDOUT':
      return new ProbeFailure('timeout', `No answer from ${endpoint} to the connection attempt`);
    case 'EADDRNOTAVAIL':
      return new ProbeFailure(
        'monitor',
        `The monitoring server has no free address or port to reach ${endpoint} from`,
      );
    case 'EACCES':
    case 'EPERM':
      return new ProbeFailure(
        'monitor',
        `The monitoring server is not allowed to connect to ${endpoint} (${code})`,
      );
    default:
      return new ProbeFailure(
        'connect',
        `Cannot connect to ${endpoint} (${code === '' ? 'unknown error' : code})`,
      );
  }
}

/** Routers report an unreachable network too: it is surely ours only where we have no such network at all. */
function unreachableNetwork(endpoint: string, address: string): ProbeFailure {
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  const haveIt = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some((own) => own.family === family && !own.internal && !own.address.startsWith('fe80:'));
  return haveIt
    ? new ProbeFailure('connect', `The network of ${endpoint} is unreachable`)
    : new ProbeFailure('monitor', `The monitoring server has no ${family} network to reach ${endpoint}`);
}
