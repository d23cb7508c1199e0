import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessIdentity } from '../src/start/processIdentity.ts';

const CLOCK_TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;
const KIBIBYTE = 1_024;

/** What a process and all below it have used so far. */
export interface Usage {
  readonly cpuSeconds: number;
  /** With what is shared counted by each. */
  readonly residentBytes: number;
  /** With what is shared divided among those that share it (PSS): what may be added up. */
  readonly proportionalBytes: number;
}

export const NO_USAGE: Usage = { cpuSeconds: 0, residentBytes: 0, proportionalBytes: 0 };

/**
 * What these processes, and all below them, have used so far; one that has a name of its own does not count for
 * the one above it. Linux only: reads /proc.
 */
export function readUsage(
  processes: Readonly<Record<string, Pick<ProcessIdentity, 'pid'>>>,
): Record<string, Usage> {
  const { stats, children } = readProcesses();
  const named = new Set(Object.values(processes).map(({ pid }) => pid));
  const usageOf = (pid: number): Usage => {
    const stat = stats.get(pid);
    const own =
      stat === undefined
        ? NO_USAGE
        : { ...stat, proportionalBytes: readProportional(pid) ?? stat.residentBytes };
    const below = (children.get(pid) ?? []).filter((child) => !named.has(child));
    return below.map(usageOf).reduce(addUsage, own);
  };
  return Object.fromEntries(Object.entries(processes).map(([name, { pid }]) => [name, usageOf(pid)]));
}

export function addUsage(one: Usage, other: Usage): Usage {
  return {
    cpuSeconds: one.cpuSeconds + other.cpuSeconds,
    residentBytes: one.residentBytes + other.residentBytes,
    proportionalBytes: one.proportionalBytes + other.proportionalBytes,
  };
}

/** CPU seconds that the whole machine has worked since it was booted, whoever it was for. */
export function readMachineCpuSeconds(): number {
  const [cpu = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  // proc(5): user nice system idle iowait irq softirq steal; guest time is part of user.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = cpu.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / CLOCK_TICKS_PER_SECOND;
}

/** All processes below one, by number. */
export function descendantsOf(pid: number): number[] {
  const { children } = readProcesses();
  const below = (parent: number): number[] =>
    (children.get(parent) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

function readProcesses(): { stats: Map<number, ProcessStat>; children: Map<number, number[]> } {
  const children = new Map<number, number[]>();
  const stats = new Map<number, ProcessStat>();
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? readStat(Number(entry)) : null;
    if (stat === null) continue;
    stats.set(Number(entry), stat);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(entry)]);
  }
  return { stats, children };
}

interface ProcessStat {
  readonly parent: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

function readStat(pid: number): ProcessStat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    // Dead children that were waited for count too: utime, stime, cutime, cstime.
    const ticks = [11, 12, 13, 14].reduce((total, index) => total + (fields[index] ?? 0), 0);
    return {
      parent: fields[1] ?? 0,
      cpuSeconds: ticks / CLOCK_TICKS_PER_SECOND,
      residentBytes: (fields[21] ?? 0) * PAGE_BYTES,
    };
  } catch {
    return null; // ended in the meantime
  }
}

/** Null where the system does not let us see it. */
function readProportional(pid: number): number | null {
  try {
    const [, kibibytes] = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
    return kibibytes === undefined ? null : Number(kibibytes) * KIBIBYTE;
  } catch {
    return null;
  }
}
