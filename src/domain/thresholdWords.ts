import type { MetricSample, ThresholdRule } from './threshold.ts';
import { clockTime } from './words.ts';

/** Why a metric changed its state. */
export type TransitionCause =
  | 'breach'
  | 'recovery'
  | 'silence'
  | 'samples'
  | 'metricPaused'
  | 'machinePaused'
  | 'unregistered'
  | 'noThreshold';

/** What a sample was compared with. */
export type Compared = Pick<
  ThresholdRule,
  'comparison' | 'valueNum' | 'valueBool' | 'valueStr' | 'valueLow' | 'valueHigh' | 'recoveryValue'
>;

export interface DescribedTransition {
  readonly cause: TransitionCause;
  readonly hostname: string;
  /** Of the sample that made it so; null where none did. */
  readonly value: MetricSample['value'] | null;
  /** Null without an active threshold. */
  readonly compared: Compared | null;
  /** Breaching samples in a row, the first at `streakSince`, UTC milliseconds. */
  readonly streak: number;
  readonly streakSince: number | null;
  /** How long the machine has reported without this metric. */
  readonly silentMs: number;
}

/**
 * Why, in words for whoever is woken by it: "0.97 is above 0.9 (3 samples in a row since 12:00:05)",
 * "back to 0.42, below 0.8", "no newer sample for 12 min, although web-01 reports". Times are UTC.
 */
export function transitionReason(transition: DescribedTransition): string {
  switch (transition.cause) {
    case 'breach':
      return `${breach(transition)}${inARow(transition)}`;
    case 'recovery':
      return recovery(transition);
    case 'silence':
      return `no newer sample for ${duration(transition.silentMs)}, although ${transition.hostname} reports`;
    case 'samples':
      return 'samples come again';
    case 'metricPaused':
      return 'the metric was paused';
    case 'machinePaused':
      return `${transition.hostname} was paused`;
    case 'unregistered':
      return `${transition.hostname} was deleted`;
    case 'noThreshold':
      return 'its threshold was removed or switched off';
  }
}

function breach({ value, compared }: DescribedTransition): string {
  const is = `${inWords(value)} is`;
  if (compared === null) return `${is} over its threshold`;
  const own = ownValue(compared);
  switch (compared.comparison) {
    case 'gt':
      return `${is} above ${own}`;
    case 'ge':
      return `${is} at or above ${own}`;
    case 'lt':
      return `${is} below ${own}`;
    case 'le':
      return `${is} at or below ${own}`;
    case 'eq':
      return `it is ${own}`;
    case 'ne':
      return `${is} not ${own}`;
    case 'contains':
      return `${inWords(value)} contains ${own}`;
    case 'outside':
      return `${is} outside ${range(compared)}`;
  }
}

function inARow({ streak, streakSince }: DescribedTransition): string {
  if (streak < 2 || streakSince === null) return '';
  return ` (${streak} samples in a row since ${clockTime(streakSince)})`;
}

function recovery({ value, compared }: DescribedTransition): string {
  const back = `back to ${inWords(value)}`;
  if (compared === null) return back;
  const { comparison, valueNum, recoveryValue } = compared;
  const bound = recoveryValue ?? valueNum;
  switch (comparison) {
    case 'gt':
    case 'ge':
      return `${back}, ${value === bound ? 'not above' : 'below'} ${inWords(bound)}`;
    case 'lt':
    case 'le':
      return `${back}, ${value === bound ? 'not below' : 'above'} ${inWords(bound)}`;
    case 'eq':
      return `${back}, no longer ${ownValue(compared)}`;
    case 'ne':
      return back;
    case 'contains':
      return `${back}, without ${ownValue(compared)}`;
    case 'outside':
      return `${back}, within ${range(compared)}`;
  }
}

function ownValue({ valueNum, valueBool, valueStr }: Compared): string {
  return inWords(valueNum ?? valueBool ?? valueStr);
}

function range({ valueLow, valueHigh }: Compared): string {
  return `${inWords(valueLow)} to ${inWords(valueHigh)}`;
}

const LONGEST_TEXT = 80;

function inWords(value: MetricSample['value'] | null): string {
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT - 1)}…` : value);
}

/** "40 s", "12 min", "5 h", "3 days". */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
