import type { Stack } from '../tests/support/stack.ts';
import { rounded } from './distribution.ts';
import { addUsage, NO_USAGE, readMachineCpuSeconds, readUsage, type Usage } from './stackUsage.ts';

const MEGABYTE = 1_048_576;

/** What makes up the cost of a check; the supervisor idles beside them. */
const PAID = ['worker', 'temporal', 'postgres', 'api'] as const;

/** What everybody had used at one moment; all workers are one group. */
export interface UsageSnapshot {
  readonly groups: Readonly<Record<string, Usage>>;
  /** Which processes those were: CPU of one that was replaced in between is lost. */
  readonly pids: string;
  readonly machineCpuSeconds: number;
}

export function takeUsage(stack: Stack, farmPid: number): UsageSnapshot {
  const processes = stack.processes();
  const groups: Record<string, Usage> = {};
  for (const [name, usage] of Object.entries(readUsage({ ...processes, farm: { pid: farmPid } }))) {
    const group = name.replace(/-\d+$/, '');
    groups[group] = addUsage(groups[group] ?? NO_USAGE, usage);
  }
  const pids = Object.values(processes).map(({ pid }) => pid);
  return { groups, pids: pids.sort().join(), machineCpuSeconds: readMachineCpuSeconds() };
}

/** Milliseconds of CPU for each check, by group; `all` is worker, Temporal, Postgres and API together. */
export function cpuPerCheck(
  before: UsageSnapshot,
  after: UsageSnapshot,
  checks: number,
): Record<string, number> {
  const msOf = (name: string): number => (cpuBetween(before, after, name) * 1_000) / Math.max(1, checks);
  const all = PAID.reduce((sum, name) => sum + msOf(name), 0);
  const each = [...PAID, 'supervisor', 'farm'].map((name) => [name, rounded(msOf(name), 3)] as const);
  return { ...Object.fromEntries(each), all: rounded(all, 3) };
}

/** Share of the machine, in cores, that went to others than the stack and its witness. */
export function othersCores(before: UsageSnapshot, after: UsageSnapshot, seconds: number): number {
  const machine = after.machineCpuSeconds - before.machineCpuSeconds;
  const ours = Object.keys(after.groups).reduce((sum, name) => sum + cpuBetween(before, after, name), 0);
  return rounded(Math.max(0, machine - ours) / seconds, 2);
}

function cpuBetween(before: UsageSnapshot, after: UsageSnapshot, name: string): number {
  return (after.groups[name]?.cpuSeconds ?? 0) - (before.groups[name]?.cpuSeconds ?? 0);
}

/** Megabytes by group, what is shared counted once; `all` is the whole stack with its supervisor. */
export function memoryMb({ groups }: UsageSnapshot): Record<string, number> {
  return megabytes(groups, (usage) => usage.proportionalBytes);
}

/** The same with what is shared counted by each process that maps it. */
export function residentMb({ groups }: UsageSnapshot): Record<string, number> {
  return megabytes(groups, (usage) => usage.residentBytes);
}

function megabytes(
  groups: UsageSnapshot['groups'],
  bytesOf: (usage: Usage) => number,
): Record<string, number> {
  const { farm: _witness, ...stack } = groups;
  const each = Object.entries(stack).map(([name, usage]) => [name, bytesOf(usage) / MEGABYTE] as const);
  const all = each.reduce((sum, [, value]) => sum + value, 0);
  return Object.fromEntries(
    [...each, ['all', all] as const].map(([name, value]) => [name, Math.round(value)]),
  );
}
