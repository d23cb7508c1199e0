/** One measured value, as ingest takes it. */
export type Metric =
  | { readonly name: string; readonly type: 'numeric'; readonly value: number; readonly unit?: string }
  | { readonly name: string; readonly type: 'boolean'; readonly value: boolean }
  | { readonly name: string; readonly type: 'string'; readonly value: string };

/** The units that the agent's own metrics come in; a plain count has none. */
type Unit = 'ratio' | 'bytes' | 'bytes_per_second' | 'seconds';

/** Where ingest refuses more. */
export const MAX_METRICS = 10_000;
export const MAX_NAME_LENGTH = 200;
export const MAX_STRING_LENGTH = 1_024;

const RATIO_DIGITS = 4;
const RATE_DIGITS = 1;

/** A number as it is. */
export function numeric(name: string, value: number, unit?: Unit): Metric {
  return { name, type: 'numeric', value, ...(unit === undefined ? {} : { unit }) };
}

/** A share from 0 to 1; of nothing it is 0. */
export function ratio(name: string, part: number, whole: number): Metric {
  const share = whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
  return numeric(name, Number(share.toFixed(RATIO_DIGITS)), 'ratio');
}

/** Bytes in so many milliseconds, as bytes a second. */
export function byteRate(name: string, bytes: number, ms: number): Metric {
  return numeric(name, Number(((bytes * 1_000) / ms).toFixed(RATE_DIGITS)), 'bytes_per_second');
}

export function boolean(name: string, value: boolean): Metric {
  return { name, type: 'boolean', value };
}

export function text(name: string, value: string): Metric {
  return { name, type: 'string', value };
}

/** A name with the part of the machine that it is about: `disk_used_ratio[/var]`. */
export function dimension(name: string, part: string): string {
  return `${name}[${part}]`;
}
