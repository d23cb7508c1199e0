import systeminformation from 'systeminformation';
import { numeric, ratio, type Metric } from '../metric.ts';
import type { Collector } from './collector.ts';

type Memory = Pick<
  Awaited<ReturnType<typeof systeminformation.mem>>,
  'total' | 'available' | 'swaptotal' | 'swapused'
>;

/** systeminformation reads /proc/meminfo for it and starts nothing. */
export const memoryCollector: Collector = {
  subject: 'memory',
  collect: async () => memoryMetrics(await systeminformation.mem()),
};

/** What programs could still get counts as free, caches that can be given up included. Swap only where there is some. */
export function memoryMetrics({ total, available, swaptotal, swapused }: Memory): Metric[] {
  const used = total - available;
  return [
    ratio('memory_used_ratio', used, total),
    numeric('memory_used_bytes', used, 'bytes'),
    numeric('memory_available_bytes', available, 'bytes'),
    numeric('memory_total_bytes', total, 'bytes'),
    ...(swaptotal > 0
      ? [ratio('swap_used_ratio', swapused, swaptotal), numeric('swap_used_bytes', swapused, 'bytes')]
      : []),
  ];
}
