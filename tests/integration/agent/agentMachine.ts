import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sendSignal } from '../../../src/start/processIdentity.ts';
import { until } from '../../support/until.ts';

const MAIN = join(import.meta.dirname, '..', '..', '..', 'src', 'agent', 'main.mjs');
export const API_KEY = 'key-of-the-test';

/** The agent as users run it, and what it has said. */
export interface RunningAgent {
  readonly pid: number;
  readonly log: () => string;
  readonly output: () => string;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Its exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Resolves when it has said that. */
  readonly says: (words: string | RegExp) => Promise<void>;
}

interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly node?: string;
}

/** A machine for agents: a config, a buffer, and the processes that are ended with it. */
export class AgentMachine implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'agent-machine-'));
  readonly buffer = join(this.directory, 'buffer');
  readonly #config = join(this.directory, 'agent.yaml');
  readonly #agents: RunningAgent[] = [];

  /** @param settings as in the config file; without any, posts every second */
  configure(settings: Readonly<Record<string, unknown>>): void {
    const usual = { hostname: 'web-01', interval_seconds: 1, buffer: { directory: this.buffer } };
    writeFileSync(this.#config, JSON.stringify({ ...usual, ...settings }));
  }

  async start({
    args = [],
    env = { MONITORING_API_KEY: API_KEY },
    node,
  }: StartOptions = {}): Promise<RunningAgent> {
    const child = spawn(node ?? process.execPath, [MAIN, '--config', this.#config, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: this.directory, ...env },
    });
    let log = '';
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    // Not before all that it said has been read.
    const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
    await once(child, 'spawn');
    const pid = child.pid ?? 0;
    const agent: RunningAgent = {
      ...{ pid, exited, log: () => log, output: () => output },
      signal: (signal) => sendSignal(pid, signal),
      says: (words) =>
        until(() => (typeof words === 'string' ? log.includes(words) : words.test(log)), {
          what: `the agent to say ${String(words)}`,
        }),
    };
    this.#agents.push(agent);
    return agent;
  }

  /** Files of batches that wait, oldest first. */
  waiting(): string[] {
    return readdirSync(this.buffer)
      .filter((name) => name.endsWith('.json.gz'))
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) agent.signal('SIGKILL');
    await Promise.all(this.#agents.map(({ exited }) => exited));
    rmSync(this.directory, { recursive: true });
  }
}
