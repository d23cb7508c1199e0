import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { identifyProcess } from '../../../src/start/processIdentity.ts';
import { freePort } from '../../support/freePorts.ts';
import { until } from '../../support/until.ts';
import { API_KEY, AgentMachine } from './agentMachine.ts';
import { IngestServer, accepts, type Behaviour } from './ingestServer.ts';

const staysSilent: Behaviour = () => null;

describe('monitoring-agent in an outage', () => {
  let machine: AgentMachine;
  let server: IngestServer | null;

  beforeEach(() => {
    machine = new AgentMachine();
    server = null;
  });

  afterEach(async () => {
    await machine[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  const serve = async (behave: Behaviour, port = 0): Promise<IngestServer> => {
    server = await IngestServer.start({ behave, port });
    machine.configure({ server: server.url });
    return server;
  };

  it('should keep batches while nobody listens, and send the oldest first when somebody does', async () => {
    const port = await freePort();
    machine.configure({ server: `http://127.0.0.1:${port}` });
    const agent = await machine.start();
    await agent.says('ECONNREFUSED');
    await until(() => machine.waiting().length >= 3, { what: 'three batches in the buffer' });
    const kept = machine.waiting();
    const { posts } = await serve(accepts, port);
    await until(() => posts.length > kept.length && machine.waiting().length === 0, {
      what: 'an empty buffer',
    });
    expect(posts.slice(0, kept.length).map(({ id }) => id)).toEqual(kept.map((name) => name.slice(13, 49)));
    const times = posts.map(({ body }) => body.sent_at);
    expect(times).toEqual([...times].sort());
    expect(new Set(posts.map(({ id }) => id)).size).toBe(posts.length);
    await agent.says(/answers again; batches waiting: \d+/);
  });

  it('should wait as long as the server asks for, then send the same batch under the same id', async () => {
    const started = await serve(accepts);
    started.behave = (post) =>
      started.posts[0] === post
        ? { status: 503, headers: { 'retry-after': '3' }, detail: 'busy' }
        : { status: 202 };
    const agent = await machine.start();
    await agent.says('it answers 503: busy');
    const [first, again, next] = await started.received(3);
    expect((again?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(3_000);
    expect(again?.id).toBe(first?.id);
    expect(again?.json).toBe(first?.json);
    expect(next?.id).not.toBe(first?.id);
  });

  it('should send the same batch under the same id after it was killed while sending', async () => {
    const started = await serve(staysSilent);
    const killed = await machine.start();
    const [first] = await started.received(1);
    killed.signal('SIGKILL');
    await killed.exited;
    started.behave = () => ({ status: 200 });
    const agent = await machine.start();
    const [, again] = await started.received(2);
    expect(again?.id).toBe(first?.id);
    expect(again?.json).toBe(first?.json);
    await until(() => !machine.waiting().some((name) => name.includes(first?.id ?? '')), {
      what: 'the batch to leave the buffer',
    });
    expect(agent.log()).toContain('batches waiting from before: 1');
  });

  it('should keep its batches and say what to do when the key is not accepted', async () => {
    const { posts } = await serve(() => ({ status: 401, detail: 'X-API-Key is not valid' }));
    const agent = await machine.start();
    await agent.says(
      'the API key is not accepted (it answers 401: X-API-Key is not valid): give it a valid one',
    );
    await until(() => machine.waiting().length >= 3, { what: 'three batches in the buffer' });
    // It tries again in a minute or two.
    expect(posts).toHaveLength(1);
    expect(agent.log()).not.toContain(API_KEY);
    expect(agent.log().match(/not accepted/g)).toHaveLength(1);
  });

  it('should end within two seconds when it is asked to, even while it is sending', async () => {
    const started = await serve(staysSilent);
    const agent = await machine.start();
    const [post] = await started.received(1);
    const askedAt = performance.now();
    agent.signal('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(2_000);
    expect(machine.waiting().join()).toContain(post?.id);
    expect(agent.log()).toMatch(/ends; batches waiting for the next start: [1-9]\d*\n$/);
  });

  it('should end within two seconds while a command hangs, and take that with it', async () => {
    server = await IngestServer.start();
    const pidFile = join(machine.directory, 'pid');
    const command = `echo $$ > ${pidFile}; exec sleep 60`;
    machine.configure({
      ...{ server: server.url, interval_seconds: 4 },
      metrics: [{ name: 'slow', type: 'string', command }],
    });
    const agent = await machine.start();
    await until(() => readFileSync(pidFile, 'utf8') !== '', { what: 'the command to run' });
    const pid = Number(readFileSync(pidFile, 'utf8'));
    const askedAt = performance.now();
    agent.signal('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(2_000);
    await until(() => identifyProcess(pid) === null, { what: 'the end of the command' });
  });

  it('should refuse a buffer that another agent uses, and take it over when that was killed', async () => {
    const started = await serve(accepts);
    const first = await machine.start();
    await started.received(1);
    const second = await machine.start();
    expect(await second.exited).toBe(2);
    expect(second.log()).toContain(
      `error: Another agent (process ${first.pid}) uses the buffer ${machine.buffer}: stop it, or give this one`,
    );
    first.signal('SIGKILL');
    await first.exited;
    const before = started.posts.length;
    await machine.start();
    await started.received(before + 1);
  });

  const older = olderNode();
  (older === null ? it.skip : it)('should hand over from an older Node, and end with it', async () => {
    const started = await serve(accepts);
    const agent = await machine.start({ node: older ?? '' });
    await started.received(1);
    agent.signal('SIGTERM');
    expect(await agent.exited).toBe(0);
    const again = await machine.start({ node: older ?? '' });
    const before = started.posts.length;
    await started.received(before + 1);
    again.signal('SIGKILL');
    // Both hold its output: it closes when the second has ended too.
    expect(await again.exited).toBeNull();
  });
});

/** The machine's own Node, where it is one of those that need the package's. */
function olderNode(): string | null {
  const path = (process.env['PATH'] ?? '').split(':').filter((entry) => !entry.includes('node_modules'));
  try {
    const found = execFileSync('/bin/sh', ['-c', 'command -v node && node --version'], {
      ...{ encoding: 'utf8', env: { PATH: path.join(':') } },
    });
    const [node = '', version = ''] = found.split('\n');
    return Number(/^v(\d+)/.exec(version)?.[1]) < 24 ? node : null;
  } catch {
    return null;
  }
}
