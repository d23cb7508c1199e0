import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { waitFor } from './waitFor.ts';

/** A process that can be told from a later one which was given the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it was started: opaque, equal only for the same process of the same boot. */
  readonly startedAt: string;
}

const hasProc = existsSync('/proc/self/stat');
const bootId = hasProc ? readBootId() : '';

/** Identifies a running process; null when there is none by that number, or only a zombie. */
export function identifyProcess(pid: number): ProcessIdentity | null {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  const startedAt = hasProc ? startFromProc(pid) : startFromPs(pid);
  return startedAt === null ? null : { pid, startedAt };
}

/** Whether that very process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startedAt === identity.startedAt;
}

/**
 * Names the place where this process' number means something: a host since its boot, and there a container. Host names
 * alone are shared by containers on the host's network, and by cloned machines.
 */
export function processSpace(): string {
  return [hostname(), bootId, processNamespace()].filter((part) => part !== '').join(' ');
}

/** Waits for a process that need not be our child; false when it still runs after `withinMs`. */
export async function waitForEnd(identity: ProcessIdentity, withinMs: number): Promise<boolean> {
  return (await waitFor(() => !isRunning(identity), { withinMs, everyMs: 25 })) === true;
}

/** The command line of a process, arguments separated by blanks; empty when it cannot be read. */
export function commandLine(pid: number): string {
  try {
    return hasProc
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/** Sends a signal to a process or (negative number) a group; false when there is nobody to take it. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** proc(5): field 3 is the state, field 22 the start in clock ticks since boot; the name may hold blanks. */
function startFromProc(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const ticks = fields[19];
    return state === 'Z' || state === 'X' || ticks === undefined ? null : `${bootId}/${ticks}`;
  } catch {
    return null;
  }
}

function startFromPs(pid: number): string | null {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const [state, ...started] = line.split(/\s+/);
    return state === undefined || state === '' || state.startsWith('Z') ? null : started.join(' ');
  } catch {
    return null;
  }
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return ''; // not Linux
  }
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
