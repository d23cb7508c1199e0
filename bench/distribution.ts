/** Where the middle, nearly all and the last of some values are; null where there are none. */
export interface Distribution {
  readonly p50: number | null;
  readonly p99: number | null;
  readonly worst: number | null;
}

/** The value that so many per cent of all do not exceed (nearest rank), or null when there are none. */
export function percentile(values: readonly number[], percent: number): number | null {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? null;
}

export function distributionOf(values: readonly number[]): Distribution {
  return { p50: percentile(values, 50), p99: percentile(values, 99), worst: percentile(values, 100) };
}

/** `12 / 80 / 93 ms` */
export function inWords({ p50, p99, worst }: Distribution, unit: string): string {
  return `${[p50, p99, worst].map((value) => value ?? '–').join(' / ')} ${unit}`;
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
