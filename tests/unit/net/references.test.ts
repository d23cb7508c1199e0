import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { References, type ReferenceAddress } from '../../../src/net/references.ts';
import { DnsError } from '../../../src/net/resolve.ts';
import { freePort } from '../../support/freePorts.ts';
import { until } from '../../support/until.ts';

const open: Server[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

interface Listener extends ReferenceAddress {
  readonly accepted: () => number;
}

async function listener(): Promise<Listener> {
  let accepted = 0;
  const port = await freePort();
  const server = createServer((socket) => {
    accepted += 1;
    socket.on('error', () => undefined).resume();
  });
  open.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { host: '127.0.0.1', port, accepted: () => accepted };
}

async function closedPort(): Promise<ReferenceAddress> {
  return { host: '127.0.0.1', port: await freePort() };
}

const never = () => new Promise<never>(() => undefined);

describe('References', () => {
  it('answer when one of them takes a connection', async () => {
    const addresses = [await closedPort(), await listener(), await closedPort()];
    expect(await new References({ addresses }).ask()).toBe('answered');
  });

  it('are silent when none does', async () => {
    const addresses = [await closedPort(), await closedPort()];
    expect(await new References({ addresses }).ask()).toBe('silent');
  });

  it('are found by name, at any address of it', async () => {
    const { port } = await listener();
    const resolve = () => Promise.resolve(['127.0.0.2', '127.0.0.1']);
    expect(await new References({ addresses: [{ host: 'reference.example', port }], resolve }).ask()).toBe(
      'answered',
    );
  });

  it('are silent where names cannot be resolved', async () => {
    const resolve = (host: string) => Promise.reject(new DnsError(host, 'ECONNREFUSED'));
    const addresses = [{ host: 'reference.example', port: 443 }];
    expect(await new References({ addresses, resolve }).ask()).toBe('silent');
  });

  it('are waited for until the limit, and no longer', async () => {
    const resolve = (_: string, signal: AbortSignal) => {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => reject(signal.reason));
      return promise;
    };
    const began = performance.now();
    const addresses = [{ host: 'slow.example', port: 443 }];
    expect(await new References({ addresses, resolve, limitMs: 200 }).ask()).toBe('silent');
    expect(performance.now() - began).toBeGreaterThanOrEqual(190);
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it('are not waited for when one has answered', async () => {
    const quick = await listener();
    const resolve = (host: string) => (host === 'slow.example' ? never() : Promise.resolve([host]));
    const began = performance.now();
    const addresses = [{ host: 'slow.example', port: 443 }, quick];
    expect(await new References({ addresses, resolve, limitMs: 20_000 }).ask()).toBe('answered');
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('are asked once for all who ask at the same time', async () => {
    const reference = await listener();
    const references = new References({ addresses: [reference] });
    expect(await Promise.all([1, 2, 3].map(() => references.ask()))).toEqual(Array(3).fill('answered'));
    await until(() => reference.accepted() > 0, { what: 'the connection' });
    expect(reference.accepted()).toBe(1);
  });

  it('are asked anew for who asks while they are asked, since the network may have gone meanwhile', async () => {
    const { port } = await listener();
    const lookups: PromiseWithResolvers<string[]>[] = [];
    const resolve = () => {
      const lookup = Promise.withResolvers<string[]>();
      lookups.push(lookup);
      return lookup.promise;
    };
    const references = new References({
      addresses: [{ host: 'reference.example', port }],
      resolve,
      apartMs: 0,
    });
    const before = references.ask();
    await until(() => lookups.length === 1, { what: 'the first round' });
    const after = [references.ask(), references.ask()];
    lookups[0]?.resolve(['127.0.0.1']);
    expect(await before).toBe('answered');
    await until(() => lookups.length === 2, { what: 'the second round' });
    lookups[1]?.reject(new DnsError('reference.example', 'ETIMEOUT'));
    expect(await Promise.all(after)).toEqual(['silent', 'silent']);
  });

  it('are not asked anew where they turn out to be silent', async () => {
    let lookups = 0;
    const lookup = Promise.withResolvers<string[]>();
    const resolve = () => {
      lookups += 1;
      return lookup.promise;
    };
    const references = new References({ addresses: [{ host: 'reference.example', port: 1 }], resolve });
    const before = references.ask();
    await until(() => lookups === 1, { what: 'the round' });
    const after = references.ask();
    lookup.reject(new DnsError('reference.example', 'ETIMEOUT'));
    expect(await Promise.all([before, after])).toEqual(['silent', 'silent']);
    expect(lookups).toBe(1);
  });

  it('are left alone between two rounds', async () => {
    const references = new References({ addresses: [await listener()], apartMs: 300 });
    await references.ask();
    const began = performance.now();
    await references.ask();
    expect(performance.now() - began).toBeGreaterThan(200);
  });

  it.each(['EMFILE', 'ENOBUFS'])(
    'say nothing where this process has nothing left to ask with (%s)',
    async (code) => {
      const resolve = () => Promise.reject(Object.assign(new Error(code), { code }));
      const addresses = [{ host: 'reference.example', port: 443 }, await closedPort()];
      expect(await new References({ addresses, resolve }).ask()).toBe('notAsked');
    },
  );

  it('are called by host and port', () => {
    const addresses = [
      { host: 'ns.example', port: 53 },
      { host: '2001:db8::1', port: 443 },
    ];
    expect(new References({ addresses }).names).toEqual(['ns.example:53', '[2001:db8::1]:443']);
  });
});
