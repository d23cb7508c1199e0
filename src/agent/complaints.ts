import type { Log } from './log.ts';

/** Says what is wrong once, not every 30 seconds: again only when it is something else, and when it is over. */
export class Complaints {
  readonly #log: Log;
  readonly #current = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param subject what has the problem: one problem at a time each */
  about(subject: string, problem: string): void {
    if (this.#current.get(subject) === problem) {
      this.#log.detail(`${subject}: still ${problem}`);
      return;
    }
    this.#current.set(subject, problem);
    this.#log.warn(`${subject}: ${problem}`);
  }

  /** The subject has no problem, or none any more. @param news what to say of that */
  settle(subject: string, news = 'works again'): void {
    if (this.#current.delete(subject)) this.#log.info(`${subject}: ${news}`);
  }
}
