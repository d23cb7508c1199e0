import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { commandCollector } from '../../../src/agent/collectors/commands.ts';
import { Complaints } from '../../../src/agent/complaints.ts';
import type { CommandMetric } from '../../../src/agent/config.ts';
import type { Metric } from '../../../src/agent/metric.ts';
import { identifyProcess } from '../../../src/start/processIdentity.ts';
import { until } from '../../support/until.ts';
import { heardLog } from './heardLog.ts';

const NEVER = new AbortController().signal;

describe('a metric that a command makes', () => {
  const { log, lines } = heardLog();
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'agent-command-'));
    lines.length = 0;
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const metric = (type: CommandMetric['type'], script: string, timeoutMs = 10_000): CommandMetric => ({
    ...{ name: 'm', type, unit: null, timeoutMs, command: ['/bin/sh', '-c', script] },
  });
  const collect = (definitions: readonly CommandMetric[], signal = NEVER): Promise<readonly Metric[]> =>
    commandCollector(definitions, new Complaints(log), { PATH: '/usr/bin:/bin' }).collect(signal);
  const valueOf = async (...definition: Parameters<typeof metric>): Promise<unknown> =>
    (await collect([metric(...definition)]))[0]?.value;

  it.each([
    ['echo 42', 42],
    ['printf "  -1.5e3  \\nmore"', -1_500],
    ['echo .5', 0.5],
    ['printf "\\n\\n7\\n"', 7],
  ])('should be the number that %j prints', async (script, expected) => {
    expect(await valueOf('numeric', script)).toBe(expected);
    expect(lines).toEqual([]);
  });

  it.each([
    ['echo many', 'printed "many", which is no number'],
    ['true', 'printed "", which is no number'],
    ['echo 0x10', 'printed "0x10", which is no number'],
    ['echo 1e999', 'printed "1e999", which is no number'],
    ['echo 5; echo "no such queue" >&2; exit 3', 'its command ended with exit code 3: no such queue'],
    ['kill -9 $$', 'its command gave nothing: it was killed by SIGKILL'],
  ])('should not be there when %j gives no number', async (script, problem) => {
    expect(await collect([metric('numeric', script)])).toEqual([]);
    expect(lines).toEqual([`warning: metric m: ${problem}`]);
  });

  it('should have the unit that the config says', async () => {
    expect(await collect([{ ...metric('numeric', 'echo 1'), unit: 'mails' }])).toEqual([
      { name: 'm', type: 'numeric', value: 1, unit: 'mails' },
    ]);
  });

  it('should be true when a command goes well, and false when it does not', async () => {
    expect(await valueOf('boolean', 'true')).toBe(true);
    expect(await valueOf('boolean', 'exit 1')).toBe(false);
    expect(await valueOf('boolean', 'sleep 60', 50)).toBe(false);
    expect(lines.at(-1)).toBe('warning: metric m: its command gave nothing: it took longer than 0.05 s');
  });

  it('should be the first line of a text', async () => {
    expect(await valueOf('string', 'echo " v1.2.3 "; echo more')).toBe('v1.2.3');
    expect(await valueOf('string', 'true')).toBe('');
    expect(await valueOf('string', 'exit 1')).toBeUndefined();
  });

  it('should not be there when its program does not exist', async () => {
    expect(await collect([{ ...metric('numeric', ''), command: ['/nowhere/program'] }])).toEqual([]);
    expect(lines).toEqual(['warning: metric m: its command gave nothing: spawn /nowhere/program ENOENT']);
  });

  it('should take the whole process group with it when it takes too long', async () => {
    const pidFile = join(directory, 'pid');
    expect(await collect([metric('numeric', `sleep 60 & echo $! > ${pidFile}; wait`, 300)])).toEqual([]);
    expect(existsSync(pidFile)).toBe(true);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await until(() => identifyProcess(pid) === null, { what: 'the end of the grandchild' });
  });

  it('should be given up when it prints without end', async () => {
    expect(await collect([metric('string', 'yes')])).toEqual([]);
    expect(lines).toEqual(['warning: metric m: its command gave nothing: it printed more than 65536 bytes']);
  });

  it('should be given up when there is no time left, and those behind it not be begun', async () => {
    const many = Array.from({ length: 6 }, (_, index) => ({
      ...metric('numeric', `touch ${join(directory, String(index))}; sleep 60`),
      name: `m${index}`,
    }));
    const controller = new AbortController();
    const collected = collect(many, controller.signal);
    await until(() => existsSync(join(directory, '3')), { what: 'the first four' });
    controller.abort();
    expect(await collected).toEqual([]);
    expect(existsSync(join(directory, '4'))).toBe(false);
    expect(lines).toHaveLength(6);
  });
});
