import { lookup } from 'node:dns/promises';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createResolver, DnsError } from '../../../src/net/resolve.ts';
import { answer, says, startMisbehavingServer, until } from '../../support/misbehavingServer.ts';
import { check } from './check.ts';
import { startDnsServer, type DnsServer } from './dnsServer.ts';

const never = new AbortController().signal;

describe('resolving names', () => {
  let folder: string;
  let hostsFile: string;
  let dns: DnsServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'resolve-'));
    hostsFile = join(folder, 'hosts');
    await writeFile(hostsFile, '# comment\n192.0.2.7 printer printer.lan # upstairs\n::7\tprinter\n');
    dns = await startDnsServer({
      'both.example': { a: ['192.0.2.1', '192.0.2.2'], aaaa: ['2001:db8::1'] },
      'four.example': { a: ['192.0.2.1'], aaaa: [] },
      'six.example': { a: [], aaaa: ['2001:db8::6'] },
      'empty.example': { a: [], aaaa: [] },
      'ill.example': { a: 'servfail', aaaa: 'servfail' },
      'half.example': { a: ['192.0.2.1'], aaaa: 'servfail' },
      'mute.example': { a: 'silent', aaaa: 'silent' },
      'late.example': { a: ['192.0.2.1'], aaaa: 'silent' },
      'here.example': { a: ['127.0.0.1'], aaaa: [] },
    });
  });
  afterAll(async () => {
    await dns[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const resolver = (tryTimeoutMs = 5_000) =>
    createResolver({ hostsFile, resolvConf: join(folder, 'none'), servers: [dns.address], tryTimeoutMs });

  it.each([
    ['both.example', ['192.0.2.1', '192.0.2.2', '2001:db8::1']],
    ['BOTH.example.', ['192.0.2.1', '192.0.2.2', '2001:db8::1']],
    ['four.example', ['192.0.2.1']],
    ['six.example', ['2001:db8::6']],
    ['half.example', ['192.0.2.1']],
    ['192.0.2.9', ['192.0.2.9']],
    ['2001:db8::9', ['2001:db8::9']],
    ['localhost', ['127.0.0.1', '::1']],
    ['app.localhost', ['127.0.0.1', '::1']],
    ['printer', ['192.0.2.7', '::7']],
    ['Printer.LAN', ['192.0.2.7']],
  ])('finds all addresses of %s', async (name, addresses) => {
    expect([...(await resolver()(name, never))].sort()).toEqual([...addresses].sort());
  });

  it.each([
    ['unknown.example', 'ENOTFOUND', 'No DNS record for unknown.example'],
    ['empty.example', 'ENODATA', 'empty.example has no IPv4 or IPv6 address in DNS'],
    ['ill.example', 'ESERVFAIL', 'The DNS server failed to look up ill.example'],
    ['reserved.invalid', 'ENOTFOUND', 'No DNS record for reserved.invalid'],
  ])('says what is wrong with %s', async (name, code, message) => {
    const error = await resolver()(name, never).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DnsError);
    expect(error).toMatchObject({ code, message, isOurs: false });
  });

  it('asks no server about names that are reserved', async () => {
    const asked = dns.questions.length;
    await resolver()('app.localhost', never);
    await expect(resolver()('reserved.invalid', never)).rejects.toThrow(DnsError);
    expect(dns.questions.slice(asked)).toEqual([]);
  });

  it('does not wait for a family that does not answer', async () => {
    expect(await resolver(20_000)('late.example', never)).toEqual(['192.0.2.1']);
  });

  it('gives up on a server that does not answer', async () => {
    await expect(resolver(50)('mute.example', never)).rejects.toMatchObject({
      code: 'ETIMEOUT',
      message: 'DNS did not answer for mute.example',
    });
  });

  it('is cancelled at once, with the reason of the signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const outcome = expect(resolver(20_000)('mute.example', controller.signal)).rejects.toBe(reason);
    await until(() => dns.questions.includes('AAAA mute.example'), 'the question');
    controller.abort(reason);
    await outcome;
  });

  it('takes up a change of the hosts file', async () => {
    const ownHosts = join(folder, 'changing');
    const resolve = createResolver({ hostsFile: ownHosts, servers: [dns.address] });
    await expect(resolve('changing.example', never)).rejects.toThrow(DnsError);
    await writeFile(ownHosts, '192.0.2.50 changing.example\n');
    expect(await resolve('changing.example', never)).toEqual(['192.0.2.50']);
    await writeFile(ownHosts, '192.0.2.51 changing.example # moved\n');
    expect(await resolve('changing.example', never)).toEqual(['192.0.2.51']);
  });

  it('answers like the machine itself to short names that DNS does not know, as cluster services are', async () => {
    const name = hostname().toLowerCase().split('.')[0] ?? 'localhost';
    const addresses = (found: { address: string }[]) => found.map(({ address }) => address);
    const expected = await lookup(name, { all: true }).then(addresses, () => null);
    const found = await resolver()(name, never).catch((reason: unknown) =>
      reason instanceof DnsError ? null : reason,
    );
    expect(dns.questions).toContain(`A ${name}`);
    expect(found).toEqual(expected);
  });

  it('says that the fault is ours when no name server can be reached', async () => {
    const closed = await startDnsServer({});
    await closed[Symbol.asyncDispose]();
    const resolve = createResolver({ hostsFile, servers: [closed.address], tryTimeoutMs: 100 });
    const error: unknown = await resolve('four.example', never).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ECONNREFUSED', isOurs: true });
    const outcome = await check('http://four.example/', {}, { resolve });
    expect(outcome).toMatchObject({
      failureClass: 'monitor',
      errorMessage: 'No DNS server can be reached from here to look up four.example',
    });
  });

  it('serves a check from end to end, and its time is told', async () => {
    await using server = await startMisbehavingServer(says(answer('200 OK')));
    const outcome = await check(`http://here.example:${server.port}/`, {}, { resolve: resolver() });
    expect(outcome).toMatchObject({ failureClass: null, statusCode: 200 });
    expect(Number.isInteger(outcome.timings.dnsMs)).toBe(true);
  });

  it.each([
    ['ill.example', 'dns', 'The DNS server failed to look up ill.example'],
    ['empty.example', 'dns', 'empty.example has no IPv4 or IPv6 address in DNS'],
  ])('tells the owner of a target on %s', async (name, failureClass, errorMessage) => {
    expect(await check(`http://${name}/`, {}, { resolve: resolver() })).toMatchObject({
      failureClass,
      errorMessage,
    });
  });

  it('looks up fifty unknown names side by side', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `nobody-${index}.example`);
    const resolve = resolver();
    const startedAt = performance.now();
    const outcomes = await Promise.allSettled(names.map((name) => resolve(name, never)));
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});
