import type { Metric } from '../metric.ts';

/** One subject of the machine. */
export interface Collector {
  /** What a log line calls it. */
  readonly subject: string;
  /**
   * Measures it now. Rates are those since the last time.
   *
   * @param signal is aborted when there is no time left
   * @throws when it cannot be measured; the other subjects are sent nonetheless
   */
  readonly collect: (signal: AbortSignal) => Promise<readonly Metric[]>;
  /** Takes the first reading, where a rate needs two. */
  readonly prime?: () => Promise<unknown>;
}

/** Programs that we start ourselves may not take longer. */
export const OWN_COMMAND_TIMEOUT_MS = 5_000;

/** Where what systeminformation does by starting processes can be read from /proc and /sys. */
export const isLinux = process.platform === 'linux';
