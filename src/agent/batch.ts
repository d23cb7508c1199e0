import { randomUUID } from 'node:crypto';
import type { Complaints } from './complaints.ts';
import { MAX_METRICS, MAX_NAME_LENGTH, MAX_STRING_LENGTH, type Metric } from './metric.ts';

/** Who is reporting. */
export interface Machine {
  readonly hostname: string;
  readonly os: string;
  readonly os_version: string | null;
}

/** What is posted at once, as ingest takes it. */
export interface BatchBody {
  readonly machine: Machine;
  readonly metrics: readonly Metric[];
  /** RFC 3339, UTC: when it was measured. */
  readonly sent_at: string;
}

/** A batch keeps its id, however often it is sent: the server stores it once. */
export interface Batch {
  readonly id: string;
  readonly body: BatchBody;
}

/** Ingest takes names of one line. */
const UNSENDABLE = /[\p{Cc}\u2028\u2029]/u;

/** Makes a batch that ingest can take; what would have the whole batch refused is left out and complained of. */
export function makeBatch(
  machine: Machine,
  metrics: readonly Metric[],
  now: number,
  complaints: Complaints,
): Batch {
  const byName = new Map<string, Metric>();
  for (const metric of metrics) {
    const problem = problemOf(metric, byName);
    if (problem === null) byName.set(metric.name, sendable(metric));
    else complaints.about(`metric ${metric.name.slice(0, MAX_NAME_LENGTH)}`, `is left out: ${problem}`);
  }
  const taken = [...byName.values()].slice(0, MAX_METRICS);
  if (byName.size > MAX_METRICS) {
    complaints.about('metrics', `there are more than ${MAX_METRICS}, and the rest is left out`);
  }
  return { id: randomUUID(), body: { machine, metrics: taken, sent_at: new Date(now).toISOString() } };
}

function problemOf({ name, value }: Metric, taken: ReadonlyMap<string, Metric>): string | null {
  if (name.length > MAX_NAME_LENGTH) return `its name is longer than ${MAX_NAME_LENGTH} characters`;
  if (UNSENDABLE.test(name) || !name.isWellFormed()) return 'its name has control characters';
  if (taken.has(name)) return 'another one of this machine has the same name';
  return typeof value === 'number' && !Number.isFinite(value) ? 'its value is no number' : null;
}

function sendable(metric: Metric): Metric {
  if (metric.type !== 'string') return metric;
  // A character may be two code units, and the second may be cut off.
  const value = metric.value.replace(/\p{Cc}+/gu, ' ').slice(0, MAX_STRING_LENGTH);
  return { ...metric, value: value.toWellFormed() };
}
