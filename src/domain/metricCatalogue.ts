import type { Comparison } from './threshold.ts';

/** What is known beforehand of a metric by its name. */
interface CatalogueEntry {
  readonly group: string;
  readonly description: string;
  /** Whose metric it is. */
  readonly vendor: string;
  /** Somebody should watch it: it is shown as lacking a threshold until it has one. */
  readonly isSuggestedCritical: boolean;
  /** The comparison that a threshold of it makes most of the time. */
  readonly defaultCondition: Comparison | null;
}

const VENDOR = 'monitoring-agent';

function known(group: string, description: string): CatalogueEntry {
  return { group, description, vendor: VENDOR, isSuggestedCritical: false, defaultCondition: null };
}

function critical(group: string, description: string, defaultCondition: Comparison): CatalogueEntry {
  return { group, description, vendor: VENDOR, isSuggestedCritical: true, defaultCondition };
}

/** What our own agent sends, by the name without its dimension. */
const CATALOGUE: ReadonlyMap<string, CatalogueEntry> = new Map([
  ['cpu_used_ratio', critical('cpu', 'Share of all cores that was busy', 'gt')],
  ['cpu_iowait_ratio', known('cpu', 'Share of the time in which cores waited for disks')],
  ['cpu_steal_ratio', known('cpu', 'Share of the time that the hypervisor gave to others')],
  ['cpu_cores', known('cpu', 'Cores of the machine')],
  ['load_1m', known('load', 'Processes that ran or waited, average of one minute')],
  ['load_5m', known('load', 'The same of five minutes')],
  ['load_15m', known('load', 'The same of fifteen minutes')],
  ['uptime_seconds', known('system', 'Time since the machine was started')],
  ['memory_used_ratio', critical('memory', 'Share of the memory that is not available', 'gt')],
  ['memory_used_bytes', known('memory', 'Memory that is not available')],
  ['memory_available_bytes', known('memory', 'Memory that programs can still get')],
  ['memory_total_bytes', known('memory', 'All memory')],
  ['swap_used_ratio', known('memory', 'Share of the swap space that is used')],
  ['swap_used_bytes', known('memory', 'Swap space that is used')],
  ['disk_used_ratio', critical('disk', 'Share of a file system that is used', 'gt')],
  ['disk_free_bytes', known('disk', 'Room that is left on a file system')],
  ['disk_inodes_used_ratio', known('disk', 'Share of the inodes of a file system that is used')],
  ['network_receive_bytes_per_second', known('network', 'Traffic that comes in at an interface')],
  ['network_transmit_bytes_per_second', known('network', 'Traffic that goes out at an interface')],
  ['process_count', known('system', 'Processes of the machine')],
  ['os_version', known('versions', 'Operating system')],
  ['kernel_version', known('versions', 'Kernel')],
  ['agent_version', known('versions', 'The agent that reports')],
  ['software_version', known('versions', 'A program of the machine')],
]);

const SERVICE = critical('services', 'Whether a service runs', 'eq');

/** @param base the name without its dimension */
export function catalogueEntry(base: string): CatalogueEntry | null {
  return CATALOGUE.get(base) ?? (/^service_.+_ok$/.test(base) ? SERVICE : null);
}
