import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isRunning } from '../../src/start/processIdentity.ts';
import { freePort } from '../support/freePorts.ts';
import { scrape } from '../support/readMetrics.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { processOf, signalTo, untilEnded, untilReplaced } from '../support/stackProcesses.ts';
import { until } from '../support/until.ts';

const WORKERS = ['worker', 'worker-2'];

/** The words of its command line and, behind them, its environment. */
function environmentOf(pid: number): string[] {
  return execFileSync('ps', ['eww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
    .trim()
    .split(' ');
}

describe('make start with WORKER_PROCESSES=2', () => {
  let stack: Stack;
  let metricsPort: number;

  beforeAll(async () => {
    metricsPort = await freePort();
    stack = await startStack({
      env: { WORKER_PROCESSES: '2', WORKER_METRICS_PORT: String(metricsPort) },
    });
  }, 90_000);

  afterAll(async () => {
    await stack.destroy();
  });

  const log = (name: string): string => readFileSync(join(stack.dataDir, 'logs', `${name}.log`), 'utf8');

  it('should run two workers, each with a log and a name of its own, and say so', async () => {
    for (const name of WORKERS) {
      await until(() => log(name).includes('worker is polling'), { what: `a polling ${name}` });
      expect(environmentOf(processOf(stack, name).pid)).toContain(`WORKER_NAME=${name}`);
    }
    expect(stack.stdout()).toContain('✓ migrations, API and 2 workers');
    expect(stack.stdout()).toMatch(/^ {2}Workers +2 processes/m);
  });

  it('should serve the metrics of both, on one port and the next', async () => {
    for (const port of [metricsPort, metricsPort + 1]) {
      await until(async () => (await scrape(port))('monitoring_watches') === 0, {
        what: `metrics at ${port}`,
      });
    }
  });

  it.each(WORKERS)('should start %s alone again when it is killed', async (name) => {
    const others = Object.entries(stack.processes()).filter(([other]) => other !== name);
    const killed = signalTo(stack, name, 'SIGKILL');
    await untilEnded(killed, 5_000);
    await untilReplaced(stack, name, killed);
    expect(stack.stdout()).toMatch(
      new RegExp(`! ${name} ended \\(killed by SIGKILL; log: \\S+/${name}\\.log\\)`),
    );
    await until(() => stack.stdout().includes(`✓ ${name} runs again`), {
      what: 'the word that it runs again',
    });
    for (const [other, identity] of others) expect([other, isRunning(identity)]).toEqual([other, true]);
    await until(stack.isHealthy, { what: 'health' });
  });

  it('should end both, and all others, within 10 s', async () => {
    const all = Object.values(stack.processes());
    const askedAt = Date.now();
    await stack.stop();
    expect(Date.now() - askedAt).toBeLessThan(10_000);
    expect(stack.stdout()).toMatch(/^Stopped in/m);
    expect(all.filter(isRunning)).toEqual([]);
  });
});
