import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Stack } from './stack.ts';

const AGENT = resolve(import.meta.dirname, '../../src/agent/main.mjs');

/** The agent of a test, on the machine that the test runs on, in the way in which users run it. */
export class AgentProcess {
  readonly hostname: string;
  private readonly stack: Stack;
  private readonly directory = mkdtempSync(join(tmpdir(), 'monitoring-agent-'));
  private child: ChildProcess | null = null;
  private output = '';

  constructor(stack: Stack, hostname: string) {
    this.stack = stack;
    this.hostname = hostname;
    writeFileSync(this.keyFile, stack.apiKey(), { mode: 0o600 });
  }

  /** What it has said so far, all of its runs together. */
  get said(): string {
    return this.output;
  }

  /** It goes on with what an earlier run has left. */
  start(intervalSeconds: number): void {
    const flags = {
      '--server': new URL(this.stack.apiUrl).origin,
      '--key-file': this.keyFile,
      '--hostname': this.hostname,
      '--interval': String(intervalSeconds),
      '--buffer': join(this.directory, 'buffer'),
    };
    this.child = spawn(process.execPath, [AGENT, ...Object.entries(flags).flat()], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Ends it without regard, and removes what it has left. */
  async destroy(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }

  private get keyFile(): string {
    return join(this.directory, 'key');
  }
}
