import { readdirSync, readFileSync } from 'node:fs';

const CLOCK_TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;

export interface Usage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** What these processes, and all below them, have used so far. Linux only: reads /proc. */
export function readUsage(processes: Readonly<Record<string, { pid: number }>>): Record<string, Usage> {
  const children = new Map<number, number[]>();
  const stats = new Map<number, Usage>();
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? readStat(Number(entry)) : null;
    if (stat === null) continue;
    stats.set(Number(entry), stat);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(entry)]);
  }
  const sum = (pid: number): Usage => {
    const below = (children.get(pid) ?? []).map(sum);
    const own = stats.get(pid) ?? { cpuSeconds: 0, residentBytes: 0 };
    return below.reduce(
      (total, one) => ({
        cpuSeconds: total.cpuSeconds + one.cpuSeconds,
        residentBytes: total.residentBytes + one.residentBytes,
      }),
      own,
    );
  };
  return Object.fromEntries(Object.entries(processes).map(([name, { pid }]) => [name, sum(pid)]));
}

function readStat(pid: number): (Usage & { parent: number }) | null {
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
