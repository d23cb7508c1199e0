import { isIP, type Socket } from 'node:net';
import { hostOf, type AddressGuard } from '../../net/addressGuard.ts';
import { abortable } from '../../net/abortable.ts';
import { DnsError, type ResolveHost } from '../../net/resolve.ts';
import { connectFirst } from './connectFirst.ts';
import { ProbeFailure } from './failure.ts';
import { elapsedMs, type Progress } from './progress.ts';

interface DialContext {
  readonly guard: AddressGuard;
  readonly resolve: ResolveHost;
  readonly progress: Progress;
  /** The check's deadline and its cancellation in one. */
  readonly signal: AbortSignal;
}

/** An open connection, and what to call its other end in messages: "example.com:443 (192.0.2.1)". */
export interface Connection {
  readonly socket: Socket;
  readonly endpoint: string;
}

/** A name may list any number of addresses; a check is no port scan. */
const MAX_ADDRESSES = 8;

/**
 * Looks up a URL's host and connects to the first of its addresses that answers. Barred addresses are
 * never contacted: not as a literal, not as what a name resolves to, not as what a connection turns out to
 * lead to.
 *
 * @throws ProbeFailure of class `dns`, `connect`, `timeout` or `monitor`; another error when aborted.
 */
export async function dial(url: URL, context: DialContext): Promise<Connection> {
  const { guard, progress, signal } = context;
  const barredUrl = guard.barredUrlReason(url);
  if (barredUrl !== null) throw new ProbeFailure('connect', barredUrl);

  const host = hostOf(url);
  const port = url.port === '' ? defaultPort(url) : Number(url.port);
  const resolved = isIP(host) === 0 ? await lookUp(url.hostname, context) : [host];
  const addresses = permitted(host, resolved, guard);

  progress.stage = `connecting to ${endpointName(url, port, addresses)}`;
  const startedTick = performance.now();
  const { socket, address } = await connectFirst(addresses, port, signal, (tried) =>
    endpointName(url, port, [tried]),
  );
  progress.tcpMs = elapsedMs(startedTick);

  const remote = socket.remoteAddress;
  const barred = remote === undefined || remote === address ? null : guard.barredReason(remote);
  if (barred !== null) {
    socket.destroy();
    throw new ProbeFailure('connect', barred);
  }
  return { socket, endpoint: endpointName(url, port, [address]) };
}

async function lookUp(host: string, { resolve, progress, signal }: DialContext): Promise<readonly string[]> {
  progress.stage = `looking up ${host}`;
  const startedTick = performance.now();
  try {
    return await abortable(resolve(host, signal), signal);
  } catch (error) {
    if (error instanceof DnsError) throw new ProbeFailure(error.isOurs ? 'monitor' : 'dns', error.message);
    throw error;
  } finally {
    progress.dnsMs = elapsedMs(startedTick);
  }
}

function permitted(host: string, resolved: readonly string[], guard: AddressGuard): readonly string[] {
  const addresses = resolved.filter((address) => guard.barredReason(address) === null);
  if (addresses.length > 0) return familiesInTurn(addresses).slice(0, MAX_ADDRESSES);
  const [first] = resolved;
  if (first === undefined) throw new ProbeFailure('dns', `${host} has no address`);
  const barred = guard.barredReason(first) ?? `${first} may not be contacted`;
  const sentence = barred.replace(' may not be', ', which may not be');
  throw new ProbeFailure('connect', isIP(host) === 0 ? `${host} leads to ${sentence}` : barred);
}

/** IPv4 first (the family that every network has), then turn about, so that one dead family costs one try. */
function familiesInTurn(addresses: readonly string[]): readonly string[] {
  const ipv4 = addresses.filter((address) => isIP(address) === 4);
  const ipv6 = addresses.filter((address) => isIP(address) !== 4);
  const longer = Math.max(ipv4.length, ipv6.length);
  return Array.from({ length: longer }, (_, index) => [
    ...ipv4.slice(index, index + 1),
    ...ipv6.slice(index, index + 1),
  ]).flat();
}

function defaultPort(url: URL): number {
  return url.protocol === 'https:' ? 443 : 80;
}

function endpointName(url: URL, port: number, addresses: readonly string[]): string {
  const name = `${url.hostname}:${port}`;
  return isIP(hostOf(url)) === 0 ? `${name} (${addresses.join(', ')})` : name;
}
