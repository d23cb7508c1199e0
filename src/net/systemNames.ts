import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

/** What the machine itself knows about names, always as the files say now. */
interface SystemNames {
  /** Addresses that the hosts file gives for a name in lower case; empty when it gives none. */
  addressesOf(name: string): readonly string[];
  /** Names with fewer dots than this are completed with search domains (resolv.conf's `ndots`). */
  ndots(): number;
}

export interface SystemFiles {
  readonly hostsFile?: string;
  readonly resolvConf?: string;
}

/** A missing file counts as an empty one. Files are read again when they change, not for every question. */
export function openSystemNames({
  hostsFile = '/etc/hosts',
  resolvConf = '/etc/resolv.conf',
}: SystemFiles = {}): SystemNames {
  const hosts = parsedFile(hostsFile, parseHosts);
  const ndots = parsedFile(resolvConf, parseNdots);
  return { addressesOf: (name) => hosts().get(name) ?? [], ndots };
}

function parsedFile<T>(path: string, parse: (text: string) => T): () => T {
  let seen = '';
  let value = parse('');
  return () => {
    const stat = statSync(path, { throwIfNoEntry: false });
    const now = stat === undefined ? '' : `${stat.ino}/${stat.mtimeMs}/${stat.size}`;
    if (now !== seen) {
      value = parse(stat === undefined ? '' : readFileSync(path, 'utf8'));
      seen = now;
    }
    return value;
  };
}

/** hosts(5): an address, then its names; `#` begins a comment. */
function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const addresses = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === undefined || isIP(address) === 0) continue;
    for (const name of names) {
      const known = addresses.get(name.toLowerCase());
      if (known === undefined) addresses.set(name.toLowerCase(), [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return addresses;
}

/** resolv.conf(5): `options ndots:n`, 1 unless given. */
function parseNdots(text: string): number {
  const given = /^\s*options\s.*\bndots:(\d+)/m.exec(text)?.[1];
  return given === undefined ? 1 : Number(given);
}
