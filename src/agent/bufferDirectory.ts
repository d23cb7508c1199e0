import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { takeLock } from '../start/processLock.ts';
import { systemErrorCode } from '../start/startError.ts';
import { AgentError } from './agentError.ts';
import type { Log } from './log.ts';

const LOCK_FILE = 'agent.lock';
/** The disk may have room again, and until then batches wait in memory. */
const PASSING = new Set(['ENOSPC', 'EDQUOT', 'EIO']);

/** Where batches wait when the config does not say: systemd's state directory, root's, or this user's. */
export function defaultBufferDirectory(env: NodeJS.ProcessEnv): string {
  const [state] = env['STATE_DIRECTORY']?.split(':') ?? [];
  if (state !== undefined && state !== '') return join(state, 'buffer');
  if (process.getuid?.() === 0) return '/var/lib/monitoring-agent/buffer';
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'monitoring-agent', 'buffer');
}

/**
 * Makes the directory this process' own: two agents would send each batch twice, and bound nothing. A lock that its
 * holder left behind, killed, is taken over.
 *
 * @returns what gives it up again
 * @throws AgentError when another agent has it, or this user may not write there
 */
export function claimBufferDirectory(directory: string, log: Log): () => void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = takeLock(join(directory, LOCK_FILE));
    if (lock.held) return lock.release;
    throw new AgentError(
      `Another agent (process ${lock.holder.pid}) uses the buffer ${directory}: stop it, or give this one a directory of its own with --buffer.`,
    );
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = systemErrorCode(error) ?? String(error);
    if (PASSING.has(code)) {
      log.warn(`buffer: ${directory} cannot be locked (${code}): see that no other agent uses it`);
      return () => undefined;
    }
    throw new AgentError(
      `The buffer ${directory} cannot be used (${code}): name a directory that this user may write to with --buffer.`,
    );
  }
}
