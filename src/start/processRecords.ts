import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  identifyProcess,
  isRunning,
  sendSignal,
  waitForEnd,
  type ProcessIdentity,
} from './processIdentity.ts';

/** The order in which processes end: what uses others before what is used, Postgres last; workers together. */
const ENDING_ORDER = [/^go$/, /^api$/, /^worker(-\d+)?$/, /^temporal$/, /^initdb$/, /^postgres$/] as const;

/** A process that a start has noted. */
interface TrackedProcess {
  readonly name: string;
  readonly identity: ProcessIdentity;
}

const Record = z.object({ pid: z.number().int().positive(), startedAt: z.string() });

/**
 * Remembers in `DATA_DIR/run` which processes this stack has started, so that the start after a `kill -9` of the
 * supervisor can end what it left behind. A number alone proves nothing: it may meanwhile be somebody else's.
 */
export class ProcessRecords {
  readonly #directory: string;
  readonly #tracked = new Map<string, ProcessIdentity>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Notes a process that has just been started; a later one of the same name replaces it. */
  readonly track = (name: string, pid: number): void => {
    const identity = identifyProcess(pid);
    if (identity === null) return;
    this.#tracked.set(name, identity);
    try {
      const temporary = join(this.#directory, `${name}.${randomUUID()}`);
      writeFileSync(temporary, JSON.stringify(identity));
      renameSync(temporary, this.#pathOf(name));
    } catch {
      // A full disk must not turn a process that has just been started into one that nobody ends.
    }
  };

  /** The known processes that still run, in the order in which they should end. */
  running(): TrackedProcess[] {
    const names = this.#names();
    return ENDING_ORDER.flatMap((which) => names.filter((name) => which.test(name))).flatMap((name) => {
      const identity = this.#tracked.get(name) ?? this.#read(name);
      return identity !== null && isRunning(identity) ? [{ name, identity }] : [];
    });
  }

  /**
   * Ends what an earlier start left behind, politely first.
   *
   * @param withinMs for each process; after that it is killed.
   * @returns the names of what was ended.
   */
  async endLeftovers(withinMs = 3_000): Promise<string[]> {
    const leftovers = this.running();
    for (const which of ENDING_ORDER) {
      const together = leftovers.filter(({ name }) => which.test(name));
      await Promise.all(together.map((leftover) => endProcess(leftover, withinMs)));
    }
    this.clear();
    return leftovers.map(({ name }) => name);
  }

  /** Kills at once whatever still runs. */
  killAll(): void {
    for (const { identity } of this.running()) {
      sendSignal(-identity.pid, 'SIGKILL');
      sendSignal(identity.pid, 'SIGKILL');
    }
  }

  /** Forgets everything: nothing runs any more. */
  clear(): void {
    for (const name of this.#names()) rmSync(this.#pathOf(name), { force: true });
  }

  /** What was started here or by an earlier start, which may have run more workers. */
  #names(): string[] {
    const recorded = listFiles(this.#directory)
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length));
    const names = [...new Set([...this.#tracked.keys(), ...recorded])].sort();
    return names.filter((name) => ENDING_ORDER.some((which) => which.test(name)));
  }

  #read(name: string): ProcessIdentity | null {
    try {
      return Record.parse(JSON.parse(readFileSync(this.#pathOf(name), 'utf8')));
    } catch {
      return null;
    }
  }

  #pathOf(name: string): string {
    return join(this.#directory, `${name}.json`);
  }
}

/** Politely first; what still runs after `withinMs` is killed with its whole group. */
async function endProcess({ name, identity }: TrackedProcess, withinMs: number): Promise<void> {
  sendSignal(identity.pid, name === 'postgres' ? 'SIGINT' : 'SIGTERM');
  if (await waitForEnd(identity, withinMs)) return;
  sendSignal(-identity.pid, 'SIGKILL');
  sendSignal(identity.pid, 'SIGKILL');
  await waitForEnd(identity, withinMs);
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
