import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/** What Linux tells of another process; elsewhere nothing, and the answers are those of an ordinary one. */
interface SignalsOf {
  readonly command: string;
  readonly catches: (signal: NodeJS.Signals) => boolean;
  readonly ignores: (signal: NodeJS.Signals) => boolean;
}

/** Reads how a process takes its signals at this moment. */
export function signalsOf(pid: number): SignalsOf {
  const status = readProc(pid, 'status');
  const has = (mask: string, signal: NodeJS.Signals): boolean => {
    const [, bits = '0'] = new RegExp(`^${mask}:\\s*([0-9a-f]+)$`, 'm').exec(status) ?? [];
    return ((BigInt(`0x${bits}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
  };
  return {
    command: readProc(pid, 'comm').trim(),
    catches: (signal) => has('SigCgt', signal),
    ignores: (signal) => has('SigIgn', signal),
  };
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
