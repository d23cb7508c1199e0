import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { sendSignal } from './processIdentity.ts';
import { settlesWithin } from './waitFor.ts';

/** How a process ended: by itself with a code, or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Is told of every process as soon as it exists, so that a later start can end what a crash left behind. */
export type TrackProcess = (name: string, pid: number) => void;

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Output and errors are appended here. */
  readonly logFile: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Run as another user; only root may. */
  readonly user?: { readonly uid: number; readonly gid: number } | null;
  /** Opens a channel whose end tells the child that its parent is gone (see endWithParent). */
  readonly ipc?: boolean;
}

export interface Child {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly hasEnded: () => boolean;
}

/**
 * Starts a process in a group of its own, so that Ctrl-C in the terminal reaches the supervisor alone, which
 * then stops its children in order.
 *
 * @throws the system's error (ENOENT, EACCES …) when it cannot be started at all.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const log = openSync(options.logFile, 'a');
  try {
    const child = spawn(options.command, [...options.args], {
      detached: true,
      stdio: ['ignore', log, log, ...(options.ipc === true ? (['ipc'] as const) : [])],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: { ...options.env } }),
      ...(options.user ?? {}),
    });
    const exited = new Promise<Exit>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
    await once(child, 'spawn');
    // A broken channel is the child's end, which `exited` tells.
    child.on('error', () => undefined);
    if (child.pid === undefined) throw new Error(`${options.command} has no process number`);
    return { pid: child.pid, exited, hasEnded };
  } finally {
    closeSync(log);
  }
}

interface StopOptions {
  /** Sent first; what is not gone `withinMs` later is killed. */
  readonly signal: NodeJS.Signals;
  readonly withinMs: number;
  /** Cuts the wait short. */
  readonly hurry?: AbortSignal | undefined;
}

/** Ends a child politely, then by SIGKILL to its whole group. Answers when it is gone. */
export async function stopChild(child: Child, { signal, withinMs, hurry }: StopOptions): Promise<void> {
  if (child.hasEnded()) return;
  sendSignal(child.pid, signal);
  if (!(await settlesWithin(child.exited, withinMs, hurry))) sendSignal(child.pid, 'SIGKILL');
  await child.exited;
  // What it started itself must not outlive it.
  sendSignal(-child.pid, 'SIGKILL');
}

/** "exit code 1" or "killed by SIGKILL". */
export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${String(code)}` : `killed by ${signal}`;
}
