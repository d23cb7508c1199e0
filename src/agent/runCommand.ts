import { spawn, type ChildProcess } from 'node:child_process';
import { messageOf } from '../start/startError.ts';
import { sendSignal } from '../start/processIdentity.ts';

const MAX_OUTPUT_BYTES = 65_536;
const MAX_QUOTED_LENGTH = 200;

interface CommandOptions {
  readonly timeoutMs: number;
  /** Ends the command when the agent stops, or the post can wait no longer. */
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
}

/** How a command ended. `problem` says why there is no exit code. */
export type CommandResult =
  | { readonly exitCode: number; readonly stdout: string; readonly complaint: string }
  | { readonly exitCode: null; readonly problem: string };

/**
 * Runs a program in a process group of its own, all of which is killed when it takes or prints too much. Never throws.
 *
 * @param command program and arguments
 */
export async function runCommand(
  command: readonly string[],
  { timeoutMs, signal, env }: CommandOptions,
): Promise<CommandResult> {
  if (signal.aborted) return { exitCode: null, problem: 'there was no time left for it' };
  const [program = '', ...args] = command;
  const { promise, resolve } = Promise.withResolvers<CommandResult>();
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env });
  const giveUp = (problem: string): void => {
    killGroup(child);
    resolve({ exitCode: null, problem });
  };
  const tooMuch = (): void => giveUp(`it printed more than ${MAX_OUTPUT_BYTES} bytes`);
  const stdout = gather(child.stdout, tooMuch);
  const stderr = gather(child.stderr, tooMuch);
  const timeout = setTimeout(() => giveUp(`it took longer than ${timeoutMs / 1_000} s`), timeoutMs);
  const onAbort = (): void => giveUp('there was no time left for it');
  signal.addEventListener('abort', onAbort, { once: true });
  child.once('error', (error) => resolve({ exitCode: null, problem: messageOf(error) }));
  child.once('close', (exitCode, by) => {
    resolve(
      exitCode === null
        ? { exitCode, problem: `it was killed by ${by ?? 'a signal'}` }
        : { exitCode, stdout: stdout(), complaint: firstLine(stderr()).slice(0, MAX_QUOTED_LENGTH) },
    );
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timeout);
    signal.removeEventListener('abort', onAbort);
  }
}

/** The first line of what a program printed, without blanks around it. */
export function firstLine(output: string): string {
  return output.trimStart().split('\n', 1)[0]?.trimEnd() ?? '';
}

function gather(stream: ChildProcess['stdout'], tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream?.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MAX_OUTPUT_BYTES) chunks.push(chunk);
    else tooMuch();
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function killGroup({ pid, stdout, stderr }: ChildProcess): void {
  if (pid !== undefined) sendSignal(-pid, 'SIGKILL');
  // What has left the group may hold the pipes open; nobody waits for it.
  stdout?.destroy();
  stderr?.destroy();
}
