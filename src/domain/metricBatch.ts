import type { MetricType } from './threshold.ts';

/** One value that an agent has measured; its type says which kind of value it is. */
export interface MetricValue {
  readonly name: string;
  readonly type: MetricType;
  readonly value: number | boolean | string;
  readonly unit: string | null;
}

/** The machine as its agent describes it. */
export interface DescribedMachine {
  readonly hostname: string;
  readonly os: string | null;
  readonly osVersion: string | null;
}

/** What an agent has posted about one machine, checked. It is stored as a whole or not at all. */
export interface MetricBatch {
  readonly machine: DescribedMachine;
  readonly metrics: readonly MetricValue[];
  /** When the values were measured, UTC milliseconds; null when the agent does not say. */
  readonly sentAt: number | null;
}
