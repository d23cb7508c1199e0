import ipaddr from 'ipaddr.js';

/** Says which addresses may never be contacted on behalf of a user. */
export interface AddressGuard {
  /**
   * @param address an IPv4 or IPv6 address in any spelling, without brackets.
   * @returns one sentence without a full stop, or null when the address may be contacted. What is not an
   *   address at all is barred.
   */
  barredReason(address: string): string | null;
  /**
   * Judges a host that is written as an address, or is `localhost`. Any other name is let through: it is
   * judged when it has been resolved.
   *
   * @returns one sentence without a full stop, or null.
   */
  barredUrlReason(url: URL): string | null;
}

/**
 * Where clouds hand out credentials to whoever asks from inside: AWS, Google, Azure and most others share
 * 169.254.169.254; then AWS over IPv6 and its containers, Google over IPv6, Alibaba, Azure's wire server,
 * Oracle's classic cloud, Scaleway.
 */
const METADATA_ADDRESSES = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '169.254.42.42',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  'fd00:42::42',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
]);

/** Ranges (in ipaddr.js' terms) that no monitor has business with, whatever is configured. */
const ALWAYS_BARRED: ReadonlyMap<string, string> = new Map([
  ['linkLocal', 'a link-local address'],
  ['unspecified', 'an unspecified address'],
  ['multicast', 'a multicast address'],
  ['broadcast', 'the broadcast address'],
]);

const NON_PUBLIC: ReadonlyMap<string, string> = new Map([
  ['private', 'a private address'],
  ['loopback', 'a loopback address'],
  ['carrierGradeNat', 'an address of a carrier-grade NAT'],
  ['uniqueLocal', 'a private (unique local) address'],
]);

const GLOBAL_UNICAST: [ipaddr.IPv6, number] = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Always barred: link-local and cloud metadata addresses, unspecified, multicast and broadcast ones, also
 * when an IPv6 address merely wraps such an IPv4 address (RFC 4291, 6052, 8215, 3056, 4380).
 *
 * @param options.blockPrivate bars everything that is not public as well: private, loopback, carrier-grade
 *   NAT, unique local and reserved ranges, and all IPv6 outside of 2000::/3.
 */
export function createAddressGuard({ blockPrivate }: { readonly blockPrivate: boolean }): AddressGuard {
  const barredReason = (address: string): string | null => {
    const parsed = parse(address);
    if (parsed === null) return `"${address.slice(0, 60)}" is not an IP address`;
    const what = whatIsBarred(parsed, blockPrivate);
    return what === null ? null : `${address} may not be contacted: it is ${what}`;
  };
  const barredUrlReason = (url: URL): string | null => {
    const host = hostOf(url);
    if (host === '') return 'The URL names no host';
    if (isLocalhost(host)) {
      return barredReason('127.0.0.1') === null
        ? null
        : `${host} may not be contacted: it is a loopback address`;
    }
    return parse(host) === null ? null : barredReason(host);
  };
  return { barredReason, barredUrlReason };
}

/** The host of a URL as resolvers and sockets want it: no brackets around IPv6, no dot of the DNS root. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/** `localhost` and every name under it mean this machine (RFC 6761, 6.3). */
export function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost');
}

function parse(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const [withoutZone = ''] = address.split('%', 1);
  return ipaddr.isValid(withoutZone) ? ipaddr.parse(withoutZone) : null;
}

function whatIsBarred(address: ipaddr.IPv4 | ipaddr.IPv6, blockPrivate: boolean): string | null {
  if (METADATA_ADDRESSES.has(address.toString())) return 'a cloud metadata address';
  const range = address.range();
  // ::ffff:a.b.c.d is an IPv4 address in all but spelling: sockets report it for IPv4 peers.
  if (address instanceof ipaddr.IPv6 && range === 'ipv4Mapped') {
    return whatIsBarred(address.toIPv4Address(), blockPrivate);
  }
  const always = ALWAYS_BARRED.get(range);
  if (always !== undefined) return always;

  if (address instanceof ipaddr.IPv6) {
    for (const embedded of embeddedIPv4(address)) {
      const what = whatIsBarred(embedded, false);
      if (what !== null) return `another spelling of ${embedded.toString()}, ${what}`;
    }
  }
  if (!blockPrivate) return null;
  const nonPublic = NON_PUBLIC.get(range);
  if (nonPublic !== undefined) return nonPublic;
  // ipaddr.js takes everything it does not know for unicast, ::7f00:1 too.
  const isPublic = range === 'unicast' && (address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST));
  return isPublic ? null : 'not a public address';
}

/** The IPv4 addresses to which a gateway, or the kernel, might turn an IPv6 address. */
function embeddedIPv4(address: ipaddr.IPv6): ipaddr.IPv4[] {
  const bytes = address.toByteArray();
  const at = (...positions: number[]) => new ipaddr.IPv4(positions.map((position) => bytes[position] ?? 0));
  const startsWith = (...prefix: number[]) => prefix.every((byte, position) => bytes[position] === byte);
  const zeros = (count: number) => bytes.slice(0, count).every((byte) => byte === 0);
  const last = () => at(12, 13, 14, 15);

  // IPv4-compatible ::a.b.c.d, of which :: and ::1 have meanings of their own.
  if (zeros(12)) return zeros(15) ? [] : [last()];
  // IPv4-translated ::ffff:0:a.b.c.d.
  if (zeros(8) && bytes[8] === 0xff && bytes[9] === 0xff && bytes[10] === 0 && bytes[11] === 0)
    return [last()];
  // NAT64: the well-known prefix, and the local one, whose operator chooses where the IPv4 address stands.
  if (startsWith(0x00, 0x64, 0xff, 0x9b, 0x00, 0x01)) {
    return [at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12), last()];
  }
  if (startsWith(0x00, 0x64, 0xff, 0x9b)) return [last()];
  if (startsWith(0x20, 0x02)) return [at(2, 3, 4, 5)];
  // Teredo: the server, and the client with all bits turned over.
  if (startsWith(0x20, 0x01, 0x00, 0x00)) {
    return [at(4, 5, 6, 7), new ipaddr.IPv4(bytes.slice(12).map((byte) => byte ^ 0xff))];
  }
  return [];
}
