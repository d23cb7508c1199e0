const FIRST_WORD_AFTER_MS = 2_000;
const FURTHER_WORD_EVERY_MS = 10_000;

/** Says in words, line by line, what a start is doing. */
export interface Progress {
  /** One line as it is. */
  readonly say: (line: string) => void;
  /**
   * Reports a step: a line for each `note`, one after 2 s of silence and every 10 s from then on, and one with
   * the time it took when it is done.
   *
   * @param done what to add to the last line.
   * @throws whatever the work throws, without a word about it.
   */
  step<T>(
    name: string,
    work: (note: (message: string) => void) => Promise<T>,
    done?: (result: T) => string,
  ): Promise<T>;
}

/** Writes to the given function, one line a call. */
export function createProgress(write: (line: string) => void): Progress {
  return {
    say: write,
    async step(name, work, done) {
      const began = performance.now();
      const elapsed = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;
      let ticker = setTimeout(tick, FIRST_WORD_AFTER_MS);
      function tick(): void {
        write(`  … ${name}: still working, ${elapsed()}`);
        ticker = setTimeout(tick, FURTHER_WORD_EVERY_MS);
      }
      try {
        const result = await work((message) => {
          write(`  … ${name}: ${message}`);
          clearTimeout(ticker);
          ticker = setTimeout(tick, FURTHER_WORD_EVERY_MS + 1_000);
        });
        const detail = done?.(result);
        write(`  ✓ ${name} (${elapsed()})${detail === undefined ? '' : `: ${detail}`}`);
        return result;
      } finally {
        clearTimeout(ticker);
      }
    },
  };
}
