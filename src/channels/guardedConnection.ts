import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { abortable } from '../net/abortable.ts';
import { hostOf, type AddressGuard } from '../net/addressGuard.ts';
import { DnsError, type ResolveHost } from '../net/resolve.ts';
import { NoAnswer } from './connectionFault.ts';

interface ConnectionContext {
  readonly guard: AddressGuard;
  readonly resolve: ResolveHost;
  readonly signal: AbortSignal;
}

/** A name may list any number of addresses; there is time for these. */
const MAX_ADDRESSES = 4;
/** How long an address is tried while there is another. */
const TRY_MS = 3_000;

/**
 * Connects to the host of an http or https URL, with TLS where the URL says so. Barred addresses are never contacted:
 * not as a literal, not as what a name resolves to; nothing is sent on a connection that turns out to lead to one.
 *
 * @throws NoAnswer when the name has no address, or none that may be contacted.
 * @throws the error of the socket, or of TLS, when no address can be connected to; the signal's reason when aborted.
 */
export async function connectGuarded(
  url: URL,
  { guard, resolve, signal }: ConnectionContext,
): Promise<Socket> {
  const barredUrl = guard.barredUrlReason(url);
  if (barredUrl !== null) throw new NoAnswer(barredUrl, { isPermanent: true });
  const host = hostOf(url);
  const resolved = isIP(host) === 0 ? await lookUp(url.hostname, resolve, signal) : [host];
  const addresses = permitted(host, resolved, guard);
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const socket = await connectInTurn(addresses, port, signal);
  const barred = guard.barredReason(socket.remoteAddress ?? 'nowhere');
  if (barred !== null) {
    socket.destroy();
    throw new NoAnswer(barred, { isPermanent: true });
  }
  return url.protocol === 'https:' ? secured(socket, host, signal) : socket;
}

async function lookUp(host: string, resolve: ResolveHost, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return await abortable(resolve(host, signal), signal);
  } catch (error) {
    if (error instanceof DnsError) throw new NoAnswer(error.message);
    throw error;
  }
}

function permitted(host: string, resolved: readonly string[], guard: AddressGuard): readonly string[] {
  const addresses = resolved.filter((address) => guard.barredReason(address) === null);
  // IPv4 first: the family that every network has.
  if (addresses.length > 0) return addresses.toSorted((a, b) => isIP(a) - isIP(b)).slice(0, MAX_ADDRESSES);
  const [first] = resolved;
  if (first === undefined) throw new NoAnswer(`${host} has no address`);
  const barred = guard.barredReason(first) ?? `${first} may not be contacted`;
  const message = `${host} leads to ${barred.replace(' may not be', ', which may not be')}`;
  throw new NoAnswer(message, { isPermanent: true });
}

/** @param addresses at least one */
async function connectInTurn(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const [address, ...others] = addresses;
  try {
    const socket = connectTcp({ host: address, port, noDelay: true });
    if (others.length > 0) socket.setTimeout(TRY_MS, () => socket.destroy(timedOut()));
    await opened(socket, 'connect', signal);
    return socket.setTimeout(0);
  } catch (error) {
    if (signal.aborted || others.length === 0) throw error;
    return connectInTurn(others, port, signal);
  }
}

async function secured(socket: Socket, host: string, signal: AbortSignal): Promise<Socket> {
  const secure = connectTls({
    socket,
    host,
    // An address must not be sent as a server name (RFC 6066, section 3).
    ...(isIP(host) !== 0 ? {} : { servername: host }),
    ALPNProtocols: ['http/1.1'],
  });
  await opened(secure, 'secureConnect', signal);
  return secure;
}

/** @throws the error of the socket, or the signal's reason; the socket is then destroyed */
async function opened(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  // Stays on: an error between here and the next owner of the socket must not end the process.
  socket.on('error', reject);
  socket.once('close', () => reject(closed()));
  socket.once(event, () => resolve(undefined));
  try {
    await abortable(promise, signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function closed(): Error {
  return Object.assign(new Error('closed'), { code: 'ECONNRESET' });
}

function timedOut(): Error {
  return Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' });
}
