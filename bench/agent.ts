/**
 * What the agent costs the machine that it watches, all that it starts included:
 *
 *   npm run bench:agent -- --cycles 60 --interval 1 [--services nginx,sshd] [--commands 2] [--json file]
 *
 * The first posts are left out: the start is paid once. What is asked hourly (versions) is paid then.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Arguments } from './arguments.ts';
import { rounded } from './distribution.ts';
import { publish } from './output.ts';
import { say } from './progress.ts';
import { readUsage, type Usage } from './stackUsage.ts';

const AGENT = join(import.meta.dirname, '..', 'src', 'agent', 'main.mjs');
const LEFT_OUT = 5;
const USUAL_INTERVAL_SECONDS = 30;
const MEBIBYTE = 1_048_576;
const JITTER_SHARE = 0.1;

const options = new Arguments({ cycles: '60', interval: '1', services: '', commands: '0', json: '' });
const cycles = options.number('cycles');
const intervalSeconds = options.number('interval');
const services = options.text('services').split(',').filter(Boolean);
const commands = Number(options.text('commands'));

const directory = mkdtempSync(join(tmpdir(), 'bench-agent-'));
const server = createServer((request, response) => {
  request.resume().once('end', () => {
    const receipt = { status: 'accepted', ingest_id: request.headers['x-ingest-id'] };
    response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify(receipt));
    server.emit('post');
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const config = join(directory, 'config.yaml');
writeFileSync(
  config,
  JSON.stringify({
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    interval_seconds: intervalSeconds,
    buffer: { directory: join(directory, 'buffer') },
    services,
    metrics: Array.from({ length: commands }, (_, index) => ({
      ...{ name: `command_${index}`, type: 'numeric', command: 'echo 1' },
    })),
  }),
);
const agent = spawn(process.execPath, [AGENT, '--config', config], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, MONITORING_API_KEY: 'bench' },
});

try {
  const started = performance.now();
  await posts(LEFT_OUT);
  const before = usage();
  say(
    `${LEFT_OUT} posts after ${rounded((performance.now() - started) / 1_000, 1)} s; measuring ${cycles} …`,
  );
  const measuredFrom = performance.now();
  await posts(cycles);
  const seconds = (performance.now() - measuredFrom) / 1_000;
  const after = usage();
  const cpuMs = (after.cpuSeconds - before.cpuSeconds) * 1_000;
  const msPerPost = cpuMs / cycles;
  const result = {
    ...{ cycles, intervalSeconds, services: services.length, commands },
    seconds: rounded(seconds, 1),
    startCpuMs: Math.round(before.cpuSeconds * 1_000),
    cpuMsPerPost: rounded(msPerPost, 2),
    /** Between two posts the agent does nothing: a post costs the same whatever the interval is. */
    percentOfACoreAt30s: rounded((msPerPost / (USUAL_INTERVAL_SECONDS * 1_000)) * 100, 3),
    memoryMb: Math.round(after.proportionalBytes / MEBIBYTE),
  };
  publish(
    `the agent with ${services.length} services and ${commands} commands, a post every ${intervalSeconds} s`,
    {
      'CPU of one post': `${result.cpuMsPerPost} ms`,
      'of one core at 30 s': `${result.percentOfACoreAt30s} %`,
      memory: `${result.memoryMb} MB`,
      'CPU of its start and first posts': `${result.startCpuMs} ms`,
    },
    result,
    options.text('json'),
  );
} finally {
  agent.kill('SIGTERM');
  await once(agent, 'exit');
  server.close();
  rmSync(directory, { recursive: true });
}

/** @throws when they do not come */
async function posts(count: number): Promise<void> {
  for (let seen = 0; seen < count; seen += 1) {
    const withinMs = intervalSeconds * 1_000 * (2 + JITTER_SHARE) + 10_000;
    await once(server, 'post', { signal: AbortSignal.timeout(withinMs) });
  }
}

function usage(): Usage {
  const { agent: used } = readUsage({ agent: { pid: agent.pid ?? 0 } });
  if (used === undefined) throw new Error('The agent has ended: see above.');
  return used;
}
