import { readdir } from 'node:fs/promises';
import systeminformation from 'systeminformation';
import { numeric } from '../metric.ts';
import { isLinux, type Collector } from './collector.ts';

/** How many processes there are. systeminformation reads all about each of them, by ps and cat. */
export const processCollector: Collector = {
  subject: 'processes',
  collect: async () => [numeric('process_count', await (isLinux ? countInProc() : countPortably()))],
};

async function countInProc(): Promise<number> {
  const entries = await readdir('/proc');
  return entries.filter((name) => /^\d+$/.test(name)).length;
}

async function countPortably(): Promise<number> {
  return (await systeminformation.processes()).all;
}
