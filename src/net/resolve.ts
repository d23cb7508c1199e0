import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isLocalhost } from './addressGuard.ts';
import { abortable } from './abortable.ts';
import { openSystemNames, type SystemFiles } from './systemNames.ts';

/**
 * Turns a host into addresses, at least one.
 *
 * @throws DnsError when the name has none or DNS does not say.
 * @throws the signal's reason, at once, when it is aborted.
 */
export type ResolveHost = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

/** A name that could not be turned into an address; the message is one sentence without a full stop. */
export class DnsError extends Error {
  override readonly name = 'DnsError';
  /** As Node gives it, for example `ENOTFOUND`. */
  readonly code: string;
  /** Nobody can be asked: the fault is this machine's, not the name's. */
  readonly isOurs: boolean;

  constructor(host: string, code: string) {
    super(describe(host, code));
    this.code = code;
    this.isOurs = code === 'ECONNREFUSED';
  }
}

interface ResolverOptions extends SystemFiles {
  /** Name servers as `address:port`; those of resolv.conf unless given. */
  readonly servers?: readonly string[];
  /** Milliseconds for the first try at each server; the second may take twice as long. */
  readonly tryTimeoutMs?: number;
}

/** RFC 8305, section 3: once one family has answered, how long the other is waited for. */
const OTHER_FAMILY_GRACE_MS = 50;
const DEFAULT_TRY_TIMEOUT_MS = 1_500;
const TRIES = 2;

/** getaddrinfo blocks one of libuv's four threads, which files and compression need as well. */
const SYSTEM_LOOKUPS_AT_ONCE = 2;

const NOT_FOUND_CODES = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * Answers literal addresses as they are; `localhost` and `.invalid` by RFC 6761; then the hosts file; then
 * DNS, A and AAAA side by side, without libuv's thread pool (in which unknown names queue up behind each
 * other for seconds). Only names short enough to need a search domain, such as the services of a cluster,
 * are put to the system's own resolver when DNS does not know them.
 */
export function createResolver(options: ResolverOptions = {}): ResolveHost {
  const systemNames = openSystemNames(options);
  return async (host, signal) => {
    signal.throwIfAborted();
    if (isIP(host) !== 0) return [host];
    const isAbsolute = host.endsWith('.');
    const name = (isAbsolute ? host.slice(0, -1) : host).toLowerCase();

    const known = systemNames.addressesOf(name);
    if (known.length > 0) return known;
    if (isLocalhost(name)) return ['127.0.0.1', '::1'];
    if (name === 'invalid' || name.endsWith('.invalid')) throw new DnsError(name, 'ENOTFOUND');

    const answer = await queryDns(name, options, signal);
    if (answer.addresses.length > 0) return answer.addresses;
    const dots = name.split('.').length - 1;
    if (!isAbsolute && dots < systemNames.ndots() && NOT_FOUND_CODES.has(answer.code)) {
      return abortable(systemLookup(name, signal), signal);
    }
    throw new DnsError(name, answer.code);
  };
}

interface Answer {
  readonly addresses: readonly string[];
  /** Empty when there are addresses. */
  readonly code: string;
}

async function queryDns(name: string, options: ResolverOptions, signal: AbortSignal): Promise<Answer> {
  // One for each question: it takes up changes of resolv.conf, and cancelling it ends nobody else's.
  const resolver = new Resolver({ timeout: options.tryTimeoutMs ?? DEFAULT_TRY_TIMEOUT_MS, tries: TRIES });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  let grace: NodeJS.Timeout | undefined;
  try {
    const pendingIPv6 = settled(resolver.resolve6(name));
    const ipv4 = await settled(resolver.resolve4(name));
    if (ipv4.addresses.length > 0) grace = setTimeout(cancel, OTHER_FAMILY_GRACE_MS);
    const ipv6 = await pendingIPv6;
    signal.throwIfAborted();
    return {
      addresses: [...ipv4.addresses, ...ipv6.addresses],
      code: decisiveCode(ipv4.code, ipv6.code),
    };
  } finally {
    clearTimeout(grace);
    signal.removeEventListener('abort', cancel);
  }
}

async function settled(query: Promise<string[]>): Promise<Answer> {
  try {
    const addresses = await query;
    return { addresses, code: addresses.length > 0 ? '' : 'ENODATA' };
  } catch (error) {
    return { addresses: [], code: codeOf(error) };
  }
}

/** What went wrong says more than "not found"; a name without addresses of either kind does exist. */
function decisiveCode(...codes: readonly string[]): string {
  const wrong = codes.find((code) => code !== '' && !NOT_FOUND_CODES.has(code));
  return wrong ?? (codes.includes('ENODATA') ? 'ENODATA' : 'ENOTFOUND');
}

let systemLookups = 0;
const waitingLookups: (() => void)[] = [];

async function systemLookup(name: string, signal: AbortSignal): Promise<readonly string[]> {
  if (systemLookups >= SYSTEM_LOOKUPS_AT_ONCE) {
    await new Promise<void>((resolve) => waitingLookups.push(resolve));
  } else {
    systemLookups += 1;
  }
  try {
    signal.throwIfAborted();
    const found = await lookup(name, { all: true });
    return found.map(({ address }) => address);
  } catch (error) {
    signal.throwIfAborted();
    throw new DnsError(name, codeOf(error));
  } finally {
    // The place is handed on to who waits first.
    const next = waitingLookups.shift();
    if (next === undefined) systemLookups -= 1;
    else next();
  }
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'EUNKNOWN';
}

function describe(host: string, code: string): string {
  switch (code) {
    case 'ENOTFOUND':
      return `No DNS record for ${host}`;
    case 'ENODATA':
      return `${host} has no IPv4 or IPv6 address in DNS`;
    case 'ESERVFAIL':
      return `The DNS server failed to look up ${host}`;
    case 'EREFUSED':
      return `The DNS server refused to look up ${host}`;
    case 'ETIMEOUT':
    case 'EAI_AGAIN':
      return `DNS did not answer for ${host}`;
    case 'ECONNREFUSED':
      return `No DNS server can be reached from here to look up ${host}`;
    case 'EBADNAME':
      return `${host} is not a valid DNS name`;
    default:
      return `DNS lookup of ${host} failed (${code})`;
  }
}
