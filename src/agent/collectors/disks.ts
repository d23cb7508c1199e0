import { readFile, statfs } from 'node:fs/promises';
import systeminformation from 'systeminformation';
import type { Complaints } from '../complaints.ts';
import { dimension, numeric, ratio, type Metric } from '../metric.ts';
import { abortable } from '../../net/abortable.ts';
import { isLinux, type Collector } from './collector.ts';
import { chosenMounts, parseMounts } from './mounts.ts';

const STATFS_TIMEOUT_MS = 2_000;

/** What statfs(2) says of a file system. */
interface Space {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  /** Without what is kept for root. */
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

/** @param named mount points from the config, or null for all local file systems */
export function diskCollector(named: readonly string[] | null, complaints: Complaints): Collector {
  return isLinux ? linux(named, complaints) : portable(named);
}

function linux(named: readonly string[] | null, complaints: Complaints): Collector {
  const hanging = new Set<string>();
  const measure = async (path: string): Promise<Metric[]> => {
    // A file system that does not answer keeps one thread of four busy: it is not asked again meanwhile.
    if (hanging.has(path)) return [];
    hanging.add(path);
    const asked = statfs(path).finally(() => hanging.delete(path));
    try {
      const metrics = diskMetrics(path, await abortable(asked, AbortSignal.timeout(STATFS_TIMEOUT_MS)));
      complaints.settle(`disk ${path}`);
      return metrics;
    } catch (error) {
      complaints.about(`disk ${path}`, `cannot be measured (${String(error)})`);
      return [];
    }
  };
  return {
    subject: 'disks',
    collect: async () => {
      const mounts = chosenMounts(parseMounts(await readFile('/proc/self/mounts', 'utf8')), named);
      for (const path of named ?? []) {
        if (!mounts.includes(path)) complaints.about(`disk ${path}`, 'is not mounted');
      }
      return (await Promise.all(mounts.map(measure))).flat();
    },
  };
}

/** systeminformation starts df and two shells for it on Linux. */
function portable(named: readonly string[] | null): Collector {
  return {
    subject: 'disks',
    collect: async () =>
      (await systeminformation.fsSize())
        .filter(({ mount, size }) => size > 0 && (named?.includes(mount) ?? true))
        .flatMap(({ mount, used, available }) => [
          ratio(dimension('disk_used_ratio', mount), used, used + available),
          numeric(dimension('disk_free_bytes', mount), available, 'bytes'),
        ]),
  };
}

/** As df counts: the share of what others than root can use. Inodes only where the file system has a fixed number. */
export function diskMetrics(path: string, space: Space): Metric[] {
  if (space.blocks === 0) return [];
  const used = space.blocks - space.bfree;
  return [
    ratio(dimension('disk_used_ratio', path), used, used + space.bavail),
    numeric(dimension('disk_free_bytes', path), space.bavail * space.bsize, 'bytes'),
    ...(space.files > 0
      ? [ratio(dimension('disk_inodes_used_ratio', path), space.files - space.ffree, space.files)]
      : []),
  ];
}
