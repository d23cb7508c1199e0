import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { API_KEY, AgentMachine } from './agentMachine.ts';
import { buildAuthority, buildCertificate } from '../probe/certificates.ts';
import { IngestServer, type Post } from './ingestServer.ts';
import { until } from '../../support/until.ts';

describe('monitoring-agent', () => {
  let machine: AgentMachine;
  let server: IngestServer;

  beforeEach(async () => {
    machine = new AgentMachine();
    server = await IngestServer.start();
    machine.configure({ server: server.url });
  });

  afterEach(async () => {
    await machine[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const valuesOf = ({ body }: Post): Record<string, unknown> =>
    Object.fromEntries(body.metrics.map(({ name, value }) => [name, value]));

  it('should post what it measures of its machine, each batch under an id of its own', async () => {
    const agent = await machine.start({ args: ['--verbose'] });
    const posts = await server.received(3);
    expect(new Set(posts.map(({ id }) => id)).size).toBe(3);
    for (const post of posts) {
      expect(post.url).toBe('/api/v1/ingest/metrics');
      expect(post.headers['x-api-key']).toBe(API_KEY);
      expect(post.body.machine).toMatchObject({ hostname: 'web-01', os: process.platform });
      const values = valuesOf(post);
      expect(values['memory_used_ratio']).toBeGreaterThan(0);
      expect(values['cpu_used_ratio']).toBeGreaterThanOrEqual(0);
      expect(values['disk_used_ratio[/]']).toBeLessThanOrEqual(1);
      expect(values['process_count']).toBeGreaterThan(1);
      expect(values['agent_version']).toBe('0.1.0');
    }
    await agent.says(/batch \S+ is taken; 0 waiting/);
    expect(agent.log()).not.toContain(API_KEY);
  });

  it('should compress what is longer than 2 KB', async () => {
    machine.configure({
      server: server.url,
      metrics: [
        { name: 'long', type: 'string', command: 'printf "%01000d" 7' },
        { name: 'queue', type: 'numeric', unit: 'mails', command: ['printf', '12'] },
      ],
    });
    await machine.start();
    const [post] = await server.received(1);
    expect(post?.headers['content-encoding']).toBe('gzip');
    expect(Number(post?.headers['content-length'])).toBeLessThan((post?.json.length ?? 0) / 2);
    expect(post?.body.metrics).toContainEqual({ name: 'queue', type: 'numeric', unit: 'mails', value: 12 });
  });

  it('should start programs without the key and what leads to it', async () => {
    const secrets = { MONITORING_API_KEY: API_KEY, CREDENTIALS_DIRECTORY: '/run/credentials/agent' };
    const command = 'env | grep -c -e MONITORING_API_KEY -e CREDENTIALS_DIRECTORY; true';
    // It stands for a program whose version systeminformation asks for.
    const seen = join(machine.directory, 'seen');
    writeFileSync(join(machine.directory, 'zsh'), `#!/bin/sh\nenv > ${seen}\n`, { mode: 0o755 });
    const metrics = [{ name: 'seen', type: 'numeric', command }];
    machine.configure({ server: server.url, versions: ['zsh'], metrics });
    await machine.start({ env: { ...secrets, PATH: `${machine.directory}:${process.env['PATH']}` } });
    const [post] = await server.received(1);
    expect(post?.headers['x-api-key']).toBe(API_KEY);
    expect(post?.body.metrics).toContainEqual({ name: 'seen', type: 'numeric', value: 0 });
    const inherited = readFileSync(seen, 'utf8');
    expect(inherited).toContain(`PATH=${machine.directory}:`);
    expect(inherited).not.toMatch(/MONITORING_API_KEY|CREDENTIALS_DIRECTORY/);
  });

  it('should warn of an interval in which the server would take the machine for dead', async () => {
    machine.configure({ server: server.url, interval_seconds: 600 });
    const agent = await machine.start();
    await agent.says('warning: interval_seconds is 600, and');
  });

  it('should say of a service whether it runs', async () => {
    machine.configure({ server: server.url, services: ['no-such-service'] });
    await machine.start();
    const [post] = await server.received(1);
    expect(post?.body.metrics).toContainEqual({
      ...{ name: 'service_no-such-service_ok', type: 'boolean', value: false },
    });
  });

  it('should drop a batch that is refused for good, and say why', async () => {
    server.behave = () =>
      server.posts.length > 1
        ? { status: 202 }
        : { status: 422, detail: [{ loc: ['body', 'sent_at'], msg: 'Input is an hour ahead', type: 'x' }] };
    const agent = await machine.start();
    const [refused, next] = await server.received(2);
    expect(next?.id).not.toBe(refused?.id);
    await agent.says(
      `error: ${server.url}: batch ${refused?.id} is refused for good and dropped: it answers 422: body.sent_at: Input is an hour ahead`,
    );
    agent.signal('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(machine.waiting()).toEqual([]);
  });

  it('should keep a batch that is ahead of the server, and say that the clock is to be set', async () => {
    const detail = [{ loc: ['body', 'sent_at'], msg: 'Input is 37 minutes ahead', type: 'datetime_future' }];
    server.behave = () => ({ status: 422, detail });
    const agent = await machine.start();
    await server.received(1);
    await agent.says('set the clock of this machine');
    await until(() => machine.waiting().length >= 3, { what: 'three batches in the buffer' });
    // It tries again in a minute or two.
    expect(server.posts).toHaveLength(1);
    expect(machine.waiting()[0]).toContain(server.posts[0]?.id);
    expect(agent.log()).not.toContain('dropped');
  });

  it('should post by TLS to a server that it can trust, and to no other', async () => {
    const authority = buildAuthority('test authority');
    await using trusted = await IngestServer.start({
      identity: buildCertificate({ names: ['127.0.0.1'], issuer: authority }),
    });
    machine.configure({ server: trusted.url });
    const doubting = await machine.start();
    await doubting.says('unable to verify the first certificate');
    doubting.signal('SIGTERM');
    expect(await doubting.exited).toBe(0);
    expect(trusted.posts).toEqual([]);
    const authorities = join(machine.directory, 'ca.pem');
    writeFileSync(authorities, authority.cert);
    await machine.start({ env: { MONITORING_API_KEY: API_KEY, NODE_EXTRA_CA_CERTS: authorities } });
    await trusted.received(1);
  });

  it('should print the batch with --dry-run, and need neither server nor key', async () => {
    machine.configure({});
    const agent = await machine.start({ args: ['--dry-run'], env: {} });
    expect(await agent.exited).toBe(0);
    expect(JSON.parse(agent.output())).toMatchObject({ machine: { hostname: 'web-01' } });
    expect(agent.log()).toBe('');
    expect(server.posts).toEqual([]);
  });

  it('should end with 0 when --once has handed all of it over, and keep what it has not', async () => {
    server.behave = () => ({ status: 500 });
    const failing = await machine.start({ args: ['--once'] });
    expect(await failing.exited).toBe(1);
    expect(failing.log()).toContain('batches that wait for the next run: 1');
    server.behave = () => ({ status: 202 });
    const next = await machine.start({ args: ['--once'] });
    expect(await next.exited).toBe(0);
    const [first, again, second] = server.posts;
    expect(server.posts).toHaveLength(3);
    expect(again?.id).toBe(first?.id);
    expect(again?.json).toBe(first?.json);
    expect(second?.id).not.toBe(first?.id);
  });

  it('should say in one sentence what is wrong with what it was given', async () => {
    machine.configure({ server: server.url, interval: 5 });
    const agent = await machine.start();
    expect(await agent.exited).toBe(2);
    expect(agent.log()).toMatch(/^error: \S+agent\.yaml has no setting interval: remove it, .+\n$/);
  });
});
