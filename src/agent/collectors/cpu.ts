import { readFile } from 'node:fs/promises';
import systeminformation from 'systeminformation';
import { ratio, type Metric } from '../metric.ts';
import { isLinux, type Collector } from './collector.ts';

/** Clock ticks since boot, over all cores. */
interface CpuTimes {
  readonly idle: number;
  readonly iowait: number;
  readonly steal: number;
  readonly total: number;
}

/** The share of all cores that was busy since the last post. */
export function cpuCollector(): Collector {
  if (!isLinux) return portable;
  let before: CpuTimes | null = null;
  const read = async (): Promise<Metric[]> => {
    const now = parseCpuTimes(await readFile('/proc/stat', 'latin1'));
    const metrics = before === null ? [] : cpuMetrics(before, now);
    before = now;
    return metrics;
  };
  return {
    subject: 'CPU',
    collect: read,
    prime: read,
  };
}

/** systeminformation starts a `cat` for it on Linux. */
const portable: Collector = {
  subject: 'CPU',
  collect: async () => {
    const { currentLoad } = await systeminformation.currentLoad();
    return [ratio('cpu_used_ratio', currentLoad, 100)];
  },
  prime: systeminformation.currentLoad,
};

/** The metrics of the time between two readings; none where no tick passed between them. */
export function cpuMetrics(before: CpuTimes, now: CpuTimes): Metric[] {
  const total = now.total - before.total;
  if (total <= 0) return [];
  const iowait = now.iowait - before.iowait;
  return [
    ratio('cpu_used_ratio', total - (now.idle - before.idle) - iowait, total),
    ratio('cpu_iowait_ratio', iowait, total),
    ratio('cpu_steal_ratio', now.steal - before.steal, total),
  ];
}

/** @param stat the text of /proc/stat, see proc_stat(5) @throws when it has no line for all cores together */
export function parseCpuTimes(stat: string): CpuTimes {
  const [, line] = /^cpu +([\d ]+)$/m.exec(stat) ?? [];
  if (line === undefined) throw new Error('/proc/stat has no line "cpu"');
  // The time of guests, which follows, is part of user and nice.
  const times = line.trim().split(' ').map(Number).slice(0, 8);
  const [, , , idle = 0, iowait = 0, , , steal = 0] = times;
  return { idle, iowait, steal, total: times.reduce((sum, ticks) => sum + ticks, 0) };
}
