import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createAddressGuard, hostOf } from '../../src/net/addressGuard.ts';

const open = createAddressGuard({ blockPrivate: false });
const publicOnly = createAddressGuard({ blockPrivate: true });

const hex = (high: number, low: number) => ((high << 8) | low).toString(16);

/** The ways in which an IPv6 address can stand for an IPv4 address. */
function spellings([a, b, c, d]: readonly [number, number, number, number]): string[] {
  const [high, low] = [hex(a, b), hex(c, d)];
  const inverted = `${hex(a ^ 0xff, b ^ 0xff)}:${hex(c ^ 0xff, d ^ 0xff)}`;
  return [
    `${a}.${b}.${c}.${d}`,
    `::ffff:${high}:${low}`,
    `::ffff:${a}.${b}.${c}.${d}`,
    `::${high}:${low}`,
    `::ffff:0:${high}:${low}`,
    `64:ff9b::${high}:${low}`,
    `64:ff9b:1::${high}:${low}`,
    `64:ff9b:1:${high}:${hex(0, c)}:${hex(d, 0)}::`,
    `2002:${high}:${low}::1`,
    `2001:0:102:304::${inverted}`,
  ];
}

const octet = fc.integer({ min: 0, max: 255 });

describe('address guard', () => {
  it.each([
    ['169.254.169.254', 'cloud metadata'],
    ['100.100.100.200', 'cloud metadata'],
    ['168.63.129.16', 'cloud metadata'],
    ['fd00:ec2::254', 'cloud metadata'],
    ['FD00:0EC2:0:0:0:0:0:254', 'cloud metadata'],
    ['fd20:ce::254', 'cloud metadata'],
    ['169.254.0.1', 'link-local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['febf::1', 'link-local'],
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['::', 'unspecified'],
    ['224.0.0.1', 'multicast'],
    ['ff02::1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['::ffff:0.0.0.0', 'unspecified'],
    ['not an address', 'not an IP address'],
    ['', 'not an IP address'],
  ])('bars %s and says that it is %s', (address, what) => {
    expect(open.barredReason(address)).toContain(what);
    expect(publicOnly.barredReason(address)).not.toBeNull();
  });

  it.each([
    '127.0.0.1',
    '::1',
    '10.0.0.1',
    '192.168.1.1',
    '172.16.0.1',
    '100.64.0.1',
    'fd00::2',
    '198.18.0.1',
  ])('lets %s through unless private addresses are barred', (address) => {
    expect(open.barredReason(address)).toBeNull();
    expect(publicOnly.barredReason(address)).toContain(address);
  });

  it.each(['8.8.8.8', '1.1.1.1', '::ffff:8.8.8.8', '2606:4700:4700::1111', '2001:4860:4860::8888'])(
    'lets the public address %s through',
    (address) => {
      expect(open.barredReason(address)).toBeNull();
      expect(publicOnly.barredReason(address)).toBeNull();
    },
  );

  it.each([
    '::7f00:1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:db8::1',
    '4000::1',
    '5f00::1',
  ])('does not take %s for public', (address) => expect(publicOnly.barredReason(address)).not.toBeNull());

  it('bars every link-local address in every spelling', () => {
    fc.assert(
      fc.property(octet, octet, (c, d) => {
        for (const address of spellings([169, 254, c, d]))
          expect([address, open.barredReason(address)]).not.toContain(null);
      }),
    );
  });

  it('bars every multicast address in every spelling', () => {
    fc.assert(
      fc.property(fc.integer({ min: 224, max: 239 }), octet, octet, octet, (...octets) => {
        for (const address of spellings(octets))
          expect([address, open.barredReason(address)]).not.toContain(null);
      }),
    );
  });

  it('bars Alibaba metadata in every spelling, although its network may be contacted', () => {
    for (const address of spellings([100, 100, 100, 200])) expect(open.barredReason(address)).not.toBeNull();
    expect(open.barredReason('100.100.100.201')).toBeNull();
  });

  it('never lets through as public what is barred for all', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        if (open.barredReason(address) !== null) expect(publicOnly.barredReason(address)).not.toBeNull();
      }),
    );
  });

  it('takes no IPv6 address outside of 2000::/3 for public', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff }),
        fc.array(octet, { minLength: 14, maxLength: 14 }),
        (first, rest) => {
          fc.pre(first < 0x2000 || first > 0x3fff);
          const groups = Array.from({ length: 7 }, (_, index) =>
            hex(rest[index * 2] ?? 0, rest[index * 2 + 1] ?? 0),
          );
          const address = [first.toString(16), ...groups].join(':');
          expect(publicOnly.barredReason(address)).not.toBeNull();
        },
      ),
    );
  });

  it('takes an address in private IPv4 ranges for private in every spelling', () => {
    fc.assert(
      fc.property(fc.constantFrom(10, 127), octet, octet, octet, (...octets) => {
        for (const address of spellings(octets)) {
          expect([address, publicOnly.barredReason(address)]).not.toContain(null);
        }
      }),
    );
  });

  it('answers with a sentence of bounded length, whatever it is asked', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 1_000 }), (address) => {
        expect((publicOnly.barredReason(address) ?? '').length).toBeLessThan(200);
      }),
    );
  });
});

describe('address guard on URLs', () => {
  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://0251.0376.0251.0376/',
    'http://169.254.43518/',
    'http://169.254.169.254./',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[::ffff:169.254.169.254]:8080/',
    'http://[fe80::1]/',
    'http://user:secret@169.254.169.254/',
    'https://0/',
    'http://[::]/',
  ])('bars %s', (url) => {
    expect(open.barredUrlReason(new URL(url))).toMatch(/may not be contacted/);
    expect(open.barredUrlReason(new URL(url))).not.toContain('secret');
  });

  it.each([
    'http://127.0.0.1:8080/',
    'http://[::1]/',
    'http://localhost/',
    'http://metadata.google.internal/',
    'https://example.com/',
  ])('lets %s through, to be judged again when it is resolved', (url) =>
    expect(open.barredUrlReason(new URL(url))).toBeNull(),
  );

  it.each([
    'http://127.0.0.1/',
    'http://localhost/',
    'http://app.localhost:3000/',
    'http://LOCALHOST./',
    'http://127.1/',
    'http://[::1]/',
  ])('bars %s where private addresses are barred', (url) =>
    expect(publicOnly.barredUrlReason(new URL(url))).not.toBeNull(),
  );

  it('says why in one plain sentence', () => {
    expect(open.barredUrlReason(new URL('http://2852039166/'))).toBe(
      '169.254.169.254 may not be contacted: it is a cloud metadata address',
    );
    expect(open.barredUrlReason(new URL('http://[64:ff9b::a9fe:a9fe]/'))).toBe(
      '64:ff9b::a9fe:a9fe may not be contacted: it is another spelling of 169.254.169.254, a cloud metadata address',
    );
  });

  it('gives hosts as sockets want them', () => {
    expect(hostOf(new URL('http://[::1]:80/'))).toBe('::1');
    expect(hostOf(new URL('http://example.com./'))).toBe('example.com');
  });
});
