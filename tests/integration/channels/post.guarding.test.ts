import { describe, expect, it } from '@jest/globals';
import { createAddressGuard } from '../../../src/net/addressGuard.ts';
import { createResolver } from '../../../src/net/resolve.ts';
import { answer, says, startMisbehavingServer, staysSilent } from '../../support/misbehavingServer.ts';
import { startDnsServer } from '../probe/dnsServer.ts';
import { postTo } from './postTo.ts';

const METADATA = '169.254.169.254';
const SECRET_PATH = '/services/T012/secret-token?key=secret-key';
const publicOnly = createAddressGuard({ blockPrivate: true });
const leadsTo = (...addresses: string[]) => ({ resolve: async () => Promise.resolve(addresses) });

describe('a barred address', () => {
  it.each([`http://${METADATA}`, 'http://2852039166', 'http://[::ffff:a9fe:a9fe]', 'https://0.0.0.0'])(
    'is not posted to as %s',
    async (origin) => {
      const outcome = await postTo(`${origin}${SECRET_PATH}`);
      expect(outcome).toEqual({
        kind: 'refused',
        error: expect.stringMatching(/may not be contacted: it is a/),
        answer: null,
      });
      expect(JSON.stringify(outcome)).not.toContain('secret');
    },
  );

  it('is not posted to under a name', async () => {
    const outcome = await postTo(
      `http://innocent.example${SECRET_PATH}`,
      {},
      leadsTo(METADATA, 'fd00:ec2::254'),
    );
    expect(outcome).toEqual({
      kind: 'refused',
      error: `innocent.example leads to ${METADATA}, which may not be contacted: it is a cloud metadata address`,
      answer: null,
    });
  });

  it('is found out in real DNS', async () => {
    await using dns = await startDnsServer({ 'innocent.example': { a: [METADATA], aaaa: [] } });
    const resolve = createResolver({ servers: [dns.address] });
    expect(await postTo('http://innocent.example/', {}, { resolve })).toMatchObject({
      kind: 'refused',
      error: expect.stringContaining(`innocent.example leads to ${METADATA}`),
    });
  });

  it('is passed over where a name has others', async () => {
    await using server = await startMisbehavingServer(says(answer('204 No Content')));
    const outcome = await postTo(`http://mixed.example:${server.port}/`, {}, leadsTo(METADATA, '127.0.0.1'));
    expect(outcome).toEqual({ kind: 'sent', answer: 'HTTP 204' });
  });

  it('is sent nothing when the connection leads elsewhere than it seemed', async () => {
    await using server = await startMisbehavingServer(staysSilent);
    let asked = 0;
    const guard = {
      barredUrlReason: () => null,
      barredReason: () => ((asked += 1) > 1 ? '127.0.0.1 may not be contacted' : null),
    };
    const outcome = await postTo(
      `http://sneaky.example:${server.port}/`,
      {},
      { guard, ...leadsTo('127.0.0.1') },
    );
    expect(outcome).toMatchObject({ kind: 'refused', error: '127.0.0.1 may not be contacted' });
    await server.idle();
    expect(server.received()).toBe('');
  });

  it('is a private one as well, where those are barred', async () => {
    await using server = await startMisbehavingServer(says(answer('200 OK')));
    for (const host of ['127.0.0.1', 'localhost', 'app.localhost', '[::1]', '[::ffff:127.0.0.1]']) {
      const outcome = await postTo(`http://${host}:${server.port}/`, {}, { guard: publicOnly });
      expect(outcome).toMatchObject({
        kind: 'refused',
        error: expect.stringContaining('may not be contacted'),
      });
    }
    expect(server.accepted()).toBe(0);
  });
});
