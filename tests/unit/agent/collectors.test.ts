import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { cpuMetrics, parseCpuTimes } from '../../../src/agent/collectors/cpu.ts';
import { diskMetrics } from '../../../src/agent/collectors/disks.ts';
import { memoryMetrics } from '../../../src/agent/collectors/memory.ts';
import { chosenMounts, parseMounts } from '../../../src/agent/collectors/mounts.ts';
import { networkMetrics, parseTraffic } from '../../../src/agent/collectors/network.ts';
import { parseStates } from '../../../src/agent/collectors/services.ts';
import { hourly } from '../../../src/agent/collectors/versions.ts';
import type { Metric } from '../../../src/agent/metric.ts';

const valuesOf = (metrics: readonly Metric[]): Record<string, unknown> =>
  Object.fromEntries(metrics.map(({ name, value }) => [name, value]));

describe('CPU', () => {
  const STAT = 'cpu  100 10 50 800 40 5 15 30 7 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 12 0\n';

  it('should be read over all cores, guests counted once', () => {
    expect(parseCpuTimes(STAT)).toEqual({ idle: 800, iowait: 40, steal: 30, total: 1_050 });
    expect(() => parseCpuTimes('intr 12 0\n')).toThrow('/proc/stat has no line "cpu"');
  });

  it('should be the share of the time between two readings', () => {
    const before = { idle: 100, iowait: 10, steal: 0, total: 200 };
    const now = { idle: 150, iowait: 20, steal: 5, total: 300 };
    expect(valuesOf(cpuMetrics(before, now))).toEqual({
      ...{ cpu_used_ratio: 0.4, cpu_iowait_ratio: 0.1, cpu_steal_ratio: 0.05 },
    });
  });

  it('should be nothing where no time has passed', () => {
    const reading = parseCpuTimes(STAT);
    expect(cpuMetrics(reading, reading)).toEqual([]);
  });

  it('should stay a share when the kernel counts iowait backwards', () => {
    const before = { idle: 100, iowait: 50, steal: 0, total: 200 };
    const now = { idle: 200, iowait: 40, steal: 0, total: 290 };
    expect(valuesOf(cpuMetrics(before, now))).toMatchObject({ cpu_used_ratio: 0, cpu_iowait_ratio: 0 });
  });
});

describe('memory', () => {
  const MEMORY = { total: 8_000, available: 6_000, swaptotal: 1_000, swapused: 250 };

  it('should count as used what programs could not get', () => {
    expect(valuesOf(memoryMetrics(MEMORY))).toEqual({
      ...{ memory_used_ratio: 0.25, memory_used_bytes: 2_000, memory_available_bytes: 6_000 },
      ...{ memory_total_bytes: 8_000, swap_used_ratio: 0.25, swap_used_bytes: 250 },
    });
  });

  it('should have no swap where there is none', () => {
    const names = Object.keys(valuesOf(memoryMetrics({ ...MEMORY, swaptotal: 0, swapused: 0 })));
    expect(names.filter((name) => name.startsWith('swap'))).toEqual([]);
  });
});

describe('disks', () => {
  const MOUNTS = parseMounts(
    [
      'proc /proc proc rw 0 0',
      '/dev/sda1 / ext4 rw 0 0',
      '/dev/sda1 /var/lib/private/agent ext4 rw 0 0',
      '/dev/sdb1 /mnt/my\\040data xfs rw 0 0',
      'tmpfs /tmp tmpfs rw 0 0',
      '/dev/loop1 /snap/core squashfs ro 0 0',
      'nas:/home /home nfs4 rw 0 0',
      '',
    ].join('\n'),
  );

  it('should be the local file systems, each once', () => {
    expect(chosenMounts(MOUNTS, null)).toEqual(['/', '/mnt/my data']);
  });

  it('should be those that are named, whatever they are', () => {
    expect(chosenMounts(MOUNTS, ['/home', '/tmp', '/none'])).toEqual(['/home', '/tmp']);
  });

  it('should have the root of a container', () => {
    expect(chosenMounts(parseMounts('overlay / overlay rw 0 0\n'), null)).toEqual(['/']);
  });

  it('should count as df does, without what is kept for root', () => {
    const space = { bsize: 4_096, blocks: 1_000, bfree: 500, bavail: 450, files: 200, ffree: 150 };
    expect(valuesOf(diskMetrics('/var', space))).toEqual({
      'disk_used_ratio[/var]': 0.5263,
      'disk_free_bytes[/var]': 450 * 4_096,
      'disk_inodes_used_ratio[/var]': 0.25,
    });
  });

  it('should have no inodes where the file system makes them as needed, and nothing where it has no size', () => {
    const space = { bsize: 4_096, blocks: 1_000, bfree: 500, bavail: 500, files: 0, ffree: 0 };
    expect(Object.keys(valuesOf(diskMetrics('/', space)))).toEqual([
      'disk_used_ratio[/]',
      'disk_free_bytes[/]',
    ]);
    expect(diskMetrics('/', { ...space, blocks: 0 })).toEqual([]);
  });
});

describe('network', () => {
  const DEV = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0',
    '  eth0:9000000     500    0    0    0     0          0         0   700000     300    0    0    0     0       0          0',
  ].join('\n');

  it('should be read from what the kernel counts', () => {
    expect([...parseTraffic(DEV)]).toEqual([
      ['lo', { receivedBytes: 100, transmittedBytes: 100 }],
      ['eth0', { receivedBytes: 9_000_000, transmittedBytes: 700_000 }],
    ]);
  });

  const traffic = (receivedBytes: number, transmittedBytes: number) =>
    new Map([['eth0', { receivedBytes, transmittedBytes }]]);

  it('should be a rate between two readings', () => {
    expect(valuesOf(networkMetrics(traffic(1_000, 500), traffic(4_000, 500), 2_000))).toEqual({
      'network_receive_bytes_per_second[eth0]': 1_500,
      'network_transmit_bytes_per_second[eth0]': 0,
    });
  });

  it('should have none yet for an interface that is new, or whose counters began anew', () => {
    expect(networkMetrics(new Map(), traffic(1, 1), 1_000)).toEqual([]);
    expect(networkMetrics(traffic(4_000, 500), traffic(100, 600), 1_000)).toEqual([]);
  });
});

describe('services', () => {
  it('should be those that systemd calls active', () => {
    expect(parseStates('active\ninactive\nfailed\nreloading\nunknown\nactivating\n')).toEqual([
      ...[true, false, false, true, false, false],
    ]);
  });
});

describe('what changes with an update only', () => {
  it('should be asked for once an hour, and again at once when that failed', async () => {
    let now = 0;
    let asked = 0;
    const ask = hourly(
      () => {
        asked += 1;
        return asked === 1 ? Promise.reject(new Error('busy')) : Promise.resolve(asked);
      },
      () => now,
    );
    await expect(ask()).rejects.toThrow('busy');
    expect([await ask(), await ask()]).toEqual([2, 2]);
    now = 3_599_999;
    expect(await ask()).toBe(2);
    now = 3_600_000;
    expect(await ask()).toBe(3);
  });
});

/** The kernel's own words, on the machine that runs this. */
const onLinux = process.platform === 'linux' ? it : it.skip;

describe('the files of this machine', () => {
  onLinux('should be understood', () => {
    expect(parseCpuTimes(readFileSync('/proc/stat', 'latin1')).total).toBeGreaterThan(0);
    expect(chosenMounts(parseMounts(readFileSync('/proc/self/mounts', 'utf8')), null)).toContain('/');
    expect(parseTraffic(readFileSync('/proc/net/dev', 'latin1')).has('lo')).toBe(true);
  });
});
