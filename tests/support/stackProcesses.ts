import { isRunning, sendSignal, type ProcessIdentity } from '../../src/start/processIdentity.ts';
import type { Stack } from './stack.ts';
import { until } from './until.ts';

/** A process of a stack that runs. @throws when there is none of that name */
export function processOf(stack: Stack, name: string): ProcessIdentity {
  const found = stack.processes()[name];
  if (found === undefined)
    throw new Error(`There is no ${name} in ${Object.keys(stack.processes()).join(', ')}.`);
  return found;
}

/** Sends a signal to a process of a stack. @returns which one it was */
export function signalTo(stack: Stack, name: string, signal: NodeJS.Signals): ProcessIdentity {
  const identity = processOf(stack, name);
  sendSignal(identity.pid, signal);
  return identity;
}

/** Waits until a process has ended. @returns how long that took, in milliseconds */
export async function untilEnded(identity: ProcessIdentity, withinMs: number): Promise<number> {
  const since = Date.now();
  await until(() => !isRunning(identity), { withinMs, everyMs: 5, what: `the end of ${identity.pid}` });
  return Date.now() - since;
}

/** Waits until the supervisor has started another process in the place of one. @returns when, in UTC milliseconds */
export async function untilReplaced(stack: Stack, name: string, { pid }: ProcessIdentity): Promise<number> {
  await until(() => (stack.processes()[name]?.pid ?? pid) !== pid, { everyMs: 10, what: `another ${name}` });
  return Date.now();
}
