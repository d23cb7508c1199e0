import { nextCrash } from './backoff.ts';
import { describeExit, type Exit } from './childProcess.ts';
import { logSize, tailOf } from './logFile.ts';
import { StartError, messageOf } from './startError.ts';
import { pause } from './waitFor.ts';

const CRASHES_BEFORE_GIVING_UP = 3;
const LINES_OF_LOG = 20;

/** Something that runs and can be ended; `stop` answers when it is gone. */
export interface Runnable {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly stop: (options: StopWithin) => Promise<void>;
}

interface StopWithin {
  readonly withinMs: number;
  /** Cuts all patience short. */
  readonly hurry?: AbortSignal;
}

interface ServiceOptions {
  /** In words: `Postgres`, `API`. */
  readonly name: string;
  readonly logFile: string;
  /** Answers when it is ready; ends what it started when the signal is aborted. */
  readonly run: (signal: AbortSignal, note: (message: string) => void) => Promise<Runnable>;
  readonly say: (line: string) => void;
  /** Aborted when the whole stack is to end: nothing is started any more. */
  readonly stopping: AbortSignal;
}

/** One process of the stack that is kept running: a crash is reported and answered by a new start. */
export class Service {
  readonly #options: ServiceOptions;
  readonly #ending = new AbortController();
  readonly #signal: AbortSignal;
  readonly #givenUp = Promise.withResolvers<never>();
  #starting: Promise<Runnable> | null = null;
  #running: Runnable | null = null;
  #watching: Promise<void> = Promise.resolve();
  #stackIsUp = false;
  #expectedEnd: string | null = null;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.stopping, this.#ending.signal]);
    this.#givenUp.promise.catch(() => undefined); // Told to whoever asks.
  }

  /** Rejects with a StartError when it crashes again and again before the stack is up. */
  get givenUp(): Promise<never> {
    return this.#givenUp.promise;
  }

  /** The first start; its failure is the caller's. From then on it is kept running. */
  async start(note: (message: string) => void = () => undefined): Promise<void> {
    const logStart = logSize(this.#options.logFile);
    this.#starting = this.#options.run(this.#signal, note);
    this.#running = await this.#starting;
    this.#watching = this.#keepRunning(this.#running, logStart);
  }

  /** From now on a crash is answered by a new start, however often. */
  stackIsUp(): void {
    this.#stackIsUp = true;
  }

  /** Ends it the hard way, to be started again at once. */
  async restart(why: string): Promise<void> {
    if (this.#running === null) return; // It has crashed by itself, which is being seen to.
    this.#expectedEnd = why;
    await this.#running.stop({ withinMs: 2_000 });
  }

  /** Ends it, or what there is of it while it is still starting. */
  async stop(within: StopWithin): Promise<void> {
    this.#ending.abort(new Error(`${this.#options.name} is being stopped`));
    await this.#starting?.catch(() => undefined);
    await this.#running?.stop(within);
    await this.#watching;
  }

  async #keepRunning(first: Runnable, firstLogStart: number): Promise<void> {
    const { name, logFile, say } = this.#options;
    let running = first;
    let logStart = firstLogStart;
    let crashes = 0;
    for (;;) {
      const began = performance.now();
      const exit = await running.exited;
      this.#running = null;
      if (this.#signal.aborted) return;
      const { inARow, delayMs } = nextCrash(crashes, performance.now() - began);
      crashes = inARow;
      if (this.#expectedEnd === null) this.#showLog(logStart);
      if (!this.#stackIsUp && inARow >= CRASHES_BEFORE_GIVING_UP) {
        this.#givenUp.reject(
          new StartError(
            `${name} ended ${inARow} times in a row while starting (${describeExit(exit)}): see its log, ${logFile}.`,
          ),
        );
        return;
      }
      const what = this.#expectedEnd ?? `ended (${describeExit(exit)}; log: ${logFile})`;
      this.#expectedEnd = null;
      say(`  ! ${name} ${what}, restarting in ${delayMs / 1000} s`);
      logStart = logSize(logFile);
      const next = await this.#startAgain(delayMs);
      if (next === null) return;
      running = next;
      say(`  ✓ ${name} runs again`);
    }
  }

  /** Tries until it runs, or until the stack ends (null). */
  async #startAgain(firstDelayMs: number): Promise<Runnable | null> {
    const { name, run, say } = this.#options;
    let delayMs = firstDelayMs;
    for (let failures = 1; ; failures += 1) {
      try {
        await pause(delayMs, this.#signal);
        this.#starting = run(this.#signal, (message) => say(`  … ${name}: ${message}`));
        this.#running = await this.#starting;
        return this.#running;
      } catch (error) {
        if (this.#signal.aborted) return null;
        delayMs = nextCrash(failures, 0).delayMs;
        say(`  ! ${name} does not start: ${messageOf(error)} Next try in ${delayMs / 1000} s.`);
      }
    }
  }

  #showLog(from: number): void {
    for (const line of tailOf(this.#options.logFile, LINES_OF_LOG, from)) this.#options.say(`    | ${line}`);
  }
}
