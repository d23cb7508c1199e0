import { sleepUnless } from '../net/abortable.ts';
import { makeBatch, type Batch, type Machine } from './batch.ts';
import type { BatchBuffer } from './buffer.ts';
import { collectMetrics, prime } from './collectMetrics.ts';
import type { Collector } from './collectors/collector.ts';
import type { OperatingSystem } from './collectors/versions.ts';
import type { Complaints } from './complaints.ts';
import type { Log } from './log.ts';
import { firstSlotInMs, intervalWarning, jitterMs, slotAfter } from './schedule.ts';

/** Between the two readings of a rate, where there is only one batch. */
const PRIMED_FOR_MS = 1_000;

interface ReporterDependencies {
  readonly hostname: string;
  readonly intervalMs: number;
  readonly collectors: readonly Collector[];
  readonly operatingSystem: () => Promise<OperatingSystem>;
  readonly complaints: Complaints;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Measures the machine, in its slots. */
export class Reporter {
  readonly #deps: ReporterDependencies;

  constructor(deps: ReporterDependencies) {
    this.#deps = deps;
  }

  /** Puts a batch into the buffer in each slot, until the signal is aborted. */
  async run(buffer: BatchBuffer, signal: AbortSignal): Promise<void> {
    const { hostname, intervalMs, log, random, collectors } = this.#deps;
    const firstInMs = firstSlotInMs(hostname, intervalMs, Date.now());
    log.info(`first batch in ${Math.ceil(firstInMs / 1_000)} s, then one every ${intervalMs / 1_000} s`);
    const warning = intervalWarning(intervalMs);
    if (warning !== null) log.warn(warning);
    // A clock that nobody sets, and that stands still while the machine sleeps.
    let slot = performance.now() + firstInMs;
    await prime(collectors);
    while (await sleepUnless(signal, slot + jitterMs(intervalMs, random) - performance.now())) {
      const batch = await this.#measure(signal);
      if (signal.aborted) return;
      await buffer.add(batch);
      slot = slotAfter(slot, intervalMs, performance.now());
    }
  }

  /** One batch now, with rates over the next second. */
  async measureOnce(signal: AbortSignal): Promise<Batch> {
    await prime(this.#deps.collectors);
    await sleepUnless(signal, PRIMED_FOR_MS);
    return this.#measure(signal);
  }

  async #measure(signal: AbortSignal): Promise<Batch> {
    const { collectors, complaints, intervalMs } = this.#deps;
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(intervalMs)]);
    const measuredAt = Date.now();
    const metrics = await collectMetrics(collectors, complaints, inTime);
    return makeBatch(await this.#machine(), metrics, measuredAt, complaints);
  }

  async #machine(): Promise<Machine> {
    const { platform, version } = await this.#deps.operatingSystem();
    return { hostname: this.#deps.hostname, os: platform, os_version: version };
  }
}
