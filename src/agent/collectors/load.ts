import { availableParallelism, loadavg, uptime } from 'node:os';
import { numeric } from '../metric.ts';
import type { Collector } from './collector.ts';

/** Processes that run or wait to, over 1, 5 and 15 minutes, beside the cores that there are for them. */
export const loadCollector: Collector = {
  subject: 'load',
  collect: () => {
    const [one = 0, five = 0, fifteen = 0] = loadavg();
    return Promise.resolve([
      numeric('load_1m', rounded(one)),
      numeric('load_5m', rounded(five)),
      numeric('load_15m', rounded(fifteen)),
      numeric('cpu_cores', availableParallelism()),
    ]);
  },
};

/** Since the machine was booted. */
export const uptimeCollector: Collector = {
  subject: 'uptime',
  collect: () => Promise.resolve([numeric('uptime_seconds', Math.floor(uptime()), 'seconds')]),
};

function rounded(load: number): number {
  return Number(load.toFixed(2));
}
