import { inspect } from 'node:util';
import pg from 'pg';
import { sendSignal } from '../src/start/processIdentity.ts';
import { messageOf } from '../src/start/startError.ts';
import { settlesWithin, waitFor } from '../src/start/waitFor.ts';
import { processOf } from '../tests/support/stackProcesses.ts';
import { launchStack, type Stack, type StackPorts } from '../tests/support/stack.ts';
import { startFarm, type Farm } from './farmProcess.ts';
import { say } from './progress.ts';
import { descendantsOf } from './stackUsage.ts';
import { waitUntilSteady } from './steady.ts';
import { createTargets, readTargets, type BenchTarget } from './targets.ts';

const UP_WITHIN_MS = 180_000;
const STOPPED_WITHIN_MS = 20_000;
/** A bench creates targets faster than people do. */
const ENVIRONMENT = { RATE_LIMIT_API: '1000000' };

export interface BenchOptions {
  /** For the stack, on top of its own ports and DATA_DIR. */
  readonly env?: Readonly<Record<string, string>>;
  /** After this everything is ended, whatever it is doing. */
  readonly withinMinutes: number;
}

export interface Population {
  readonly count: number;
  readonly intervalSeconds: number;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** A stack, a farm of targets as the witness, and a look into the stack's database. */
export class Bench {
  readonly farm: Farm;
  /** Aborted by Ctrl-C and when the time is over; every wait gives up then. */
  readonly signal: AbortSignal;
  readonly #env: Readonly<Record<string, string>>;
  #stack: Stack;
  #database: pg.Client | null = null;

  private constructor(farm: Farm, stack: Stack, env: Readonly<Record<string, string>>, signal: AbortSignal) {
    this.farm = farm;
    this.signal = signal;
    this.#stack = stack;
    this.#env = env;
  }

  /**
   * Runs a bench from start to end: everything it started is ended and its data removed, come what may. When it
   * fails, so does the program.
   */
  static async run(options: BenchOptions, work: (bench: Bench) => Promise<void>): Promise<void> {
    const stop = new AbortController();
    const onSignal = (name: NodeJS.Signals): void => {
      if (!stop.signal.aborted) say(`${name}: ending everything …`);
      stop.abort(new Error(`ended by ${name}`));
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const name of signals) process.on(name, onSignal);
    const overtime = setTimeout(() => {
      stop.abort(new Error(`not done within ${options.withinMinutes} min`));
    }, options.withinMinutes * 60_000);
    const env = { ...ENVIRONMENT, ...options.env };
    const farm = await startFarm();
    const bench = new Bench(farm, await launchStack({ env }), env, stop.signal);
    try {
      say('starting a stack …');
      await bench.#untilUp();
      await work(bench);
    } catch (error) {
      const ended = stop.signal.aborted && error === stop.signal.reason;
      say(`! ${ended ? messageOf(error) : inspect(error)}`);
      process.exitCode = 1;
    } finally {
      clearTimeout(overtime);
      await bench.#end();
      for (const name of signals) process.off(name, onSignal);
    }
    if (process.exitCode === 1) process.exit();
  }

  get stack(): Stack {
    return this.#stack;
  }

  get database(): pg.Client {
    if (this.#database === null) throw new Error('the stack is not up');
    return this.#database;
  }

  /** Creates targets on the farm and waits until their routine has begun. */
  async populate({ count, intervalSeconds, fields = {} }: Population): Promise<BenchTarget[]> {
    say(`creating ${count} targets, each checked every ${intervalSeconds} s …`);
    const { stack, signal } = this;
    await createTargets({ stack, farmUrl: this.farm.url, count, intervalSeconds, fields, signal });
    await waitUntilSteady(this.database, { count, intervalSeconds, signal });
    return readTargets(this.database);
  }

  /**
   * Kills every process at once, Postgres' own ones too, the supervisor first, so that it starts nothing again.
   *
   * @returns when, UTC milliseconds
   */
  async killAll(): Promise<number> {
    await this.#database?.end();
    this.#database = null;
    const supervisor = processOf(this.#stack, 'supervisor').pid;
    const all = [supervisor, ...descendantsOf(supervisor)];
    const killedAt = Date.now();
    for (const pid of all) sendSignal(pid, 'SIGKILL');
    await this.#stack.exited;
    return killedAt;
  }

  /** Starts again on the same data and ports, and answers when it is healthy. */
  async startAgain(): Promise<void> {
    const { dataDir, ports }: { dataDir: string; ports: StackPorts } = this.#stack;
    this.#stack = await launchStack({ env: this.#env, dataDir, ports });
    await this.#untilUp();
  }

  async #untilUp(): Promise<void> {
    const stack = this.#stack;
    let ended = false;
    void stack.exited.then(() => (ended = true));
    await waitFor(() => ended || stack.stdout().includes('Up in'), {
      ...{ withinMs: UP_WITHIN_MS, everyMs: 10, signal: this.signal },
    });
    if (!stack.stdout().includes('Up in')) {
      throw new Error(`The stack did not come up:\n${stack.stdout()}\n${stack.stderr()}`);
    }
    const database = new pg.Client({ connectionString: stack.databaseUrl(), application_name: 'bench' });
    database.on('error', () => undefined); // Its Postgres may be killed; the next query tells.
    await database.connect();
    this.#database = database;
  }

  async #end(): Promise<void> {
    say('ending the stack …');
    this.farm.stop();
    await this.#database?.end().catch(() => undefined);
    // One that was frozen cannot end.
    for (const { pid } of Object.values(this.#stack.processes())) sendSignal(pid, 'SIGCONT');
    await settlesWithin(this.#stack.stop(), STOPPED_WITHIN_MS);
    await this.#stack.destroy();
  }
}
