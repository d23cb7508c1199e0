import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  identifyProcess,
  isRunning,
  sendSignal,
  waitForEnd,
  type ProcessIdentity,
} from './processIdentity.ts';

/** The order in which processes end: what uses others before what is used, Postgres last. */
const ENDING_ORDER = ['go', 'api', 'worker', 'temporal', 'initdb', 'postgres'] as const;

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
  running(): { name: string; identity: ProcessIdentity }[] {
    return ENDING_ORDER.flatMap((name) => {
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
    for (const { name, identity } of leftovers) {
      sendSignal(identity.pid, name === 'postgres' ? 'SIGINT' : 'SIGTERM');
      if (await waitForEnd(identity, withinMs)) continue;
      sendSignal(-identity.pid, 'SIGKILL');
      sendSignal(identity.pid, 'SIGKILL');
      await waitForEnd(identity, withinMs);
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
    for (const name of ENDING_ORDER) rmSync(this.#pathOf(name), { force: true });
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
