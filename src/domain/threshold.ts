/** What a metric measures; it never changes for a metric of a machine. */
export type MetricType = 'numeric' | 'boolean' | 'string';
export const METRIC_TYPES = ['numeric', 'boolean', 'string'] as const satisfies readonly MetricType[];

export type Comparison = 'gt' | 'ge' | 'lt' | 'le' | 'eq' | 'ne' | 'contains' | 'outside';
export type Severity = 'info' | 'warning' | 'critical';
export const SEVERITIES = ['info', 'warning', 'critical'] as const satisfies readonly Severity[];

/** Which comparisons a threshold of a metric may make. */
export const COMPARISONS = {
  numeric: ['gt', 'ge', 'lt', 'le', 'eq', 'ne', 'outside'],
  boolean: ['eq', 'ne'],
  string: ['eq', 'ne', 'contains'],
} as const satisfies Readonly<Record<MetricType, readonly Comparison[]>>;

/** `breached` is what the comparison says yes to; `stale` that samples no longer come although the machine reports. */
export type MetricState = 'ok' | 'breached' | 'stale';

/** What a threshold says yes to, and for how long before it counts. Which values are set depends on the comparison. */
export interface ThresholdRule {
  readonly comparison: Comparison;
  readonly valueNum: number | null;
  readonly valueBool: boolean | null;
  readonly valueStr: string | null;
  readonly valueLow: number | null;
  readonly valueHigh: number | null;
  /** Where a breached metric is back: below `gt` and `ge`, above `lt` and `le`. Null: as soon as it no longer breaches. */
  readonly recoveryValue: number | null;
  readonly consecutiveBreaches: number;
  readonly minDurationSeconds: number;
  readonly cooldownSeconds: number;
}

export interface MetricSample {
  /** UTC milliseconds. */
  readonly at: number;
  readonly value: number | boolean | string;
}

/** What the samples of a metric came to so far. Times are UTC milliseconds. */
export interface MetricEvaluation {
  readonly state: MetricState;
  /** What a stale metric goes back to. */
  readonly wasBreached: boolean;
  /** Grows with each transition to `breached`, and to `stale` from `ok`. */
  readonly episode: number;
  /** Breaching samples in a row, the first of them at `streakSince`. */
  readonly streak: number;
  readonly streakSince: number | null;
  readonly recoveredAt: number | null;
}

export const NEVER_EVALUATED: MetricEvaluation = {
  ...{ state: 'ok', wasBreached: false, episode: 0, streak: 0, streakSince: null, recoveredAt: null },
};

/** Whether the comparison says yes to a value; a value of another type, or a rule without its own, never breaches. */
export function breaches(rule: ThresholdRule, value: MetricSample['value']): boolean {
  if (typeof value === 'number') return breachesAsNumber(rule, value);
  const { comparison, valueBool, valueStr } = rule;
  const own = typeof value === 'boolean' ? valueBool : valueStr;
  if (own === null) return false;
  if (comparison === 'eq') return value === own;
  if (comparison === 'ne') return value !== own;
  return comparison === 'contains' && typeof value === 'string' && value.includes(String(own));
}

function breachesAsNumber(rule: ThresholdRule, value: number): boolean {
  const { comparison, valueNum: own, valueLow: low, valueHigh: high } = rule;
  if (comparison === 'outside') return low !== null && high !== null && (value < low || value > high);
  if (own === null) return false;
  if (comparison === 'gt') return value > own;
  if (comparison === 'ge') return value >= own;
  if (comparison === 'lt') return value < own;
  if (comparison === 'le') return value <= own;
  if (comparison === 'eq') return value === own;
  return comparison === 'ne' && value !== own;
}

/** Whether a metric that is breached stays so with this value: it has to come back as far as `recoveryValue`. */
function keepsBreaching(rule: ThresholdRule, value: MetricSample['value']): boolean {
  if (breaches(rule, value)) return true;
  if (rule.recoveryValue === null || typeof value !== 'number') return false;
  if (rule.comparison === 'gt' || rule.comparison === 'ge') return value > rule.recoveryValue;
  return (rule.comparison === 'lt' || rule.comparison === 'le') && value < rule.recoveryValue;
}

/**
 * The next sample of a metric, in order of time. It breaches after `consecutiveBreaches` in a row that last at least
 * `minDurationSeconds`, and not within `cooldownSeconds` of its last recovery; one sample ends a streak, or a breach.
 * Postgres does the same, set by set (src/db/repositories/evaluationFold.ts).
 */
export function evaluateSample(
  rule: ThresholdRule,
  before: MetricEvaluation,
  { at, value }: MetricSample,
): MetricEvaluation {
  if (before.state === 'stale') return evaluateSample(rule, endStale(before), { at, value });
  if (before.state === 'breached') {
    if (keepsBreaching(rule, value)) return before;
    return { ...before, state: 'ok', streak: 0, streakSince: null, recoveredAt: at };
  }
  if (!breaches(rule, value)) return { ...before, streak: 0, streakSince: null };
  const streakSince = before.streakSince ?? at;
  const counted = { ...before, streak: before.streak + 1, streakSince };
  const isCooling = before.recoveredAt !== null && at < before.recoveredAt + rule.cooldownSeconds * 1_000;
  const lasts = at - streakSince >= rule.minDurationSeconds * 1_000;
  if (counted.streak < rule.consecutiveBreaches || !lasts || isCooling) return counted;
  return { ...counted, state: 'breached', episode: before.episode + 1 };
}

/** The metric has stopped arriving. A breach keeps its episode meanwhile. */
export function goStale(before: MetricEvaluation): MetricEvaluation {
  if (before.state === 'stale') return before;
  const wasBreached = before.state === 'breached';
  return { ...before, state: 'stale', wasBreached, episode: before.episode + (wasBreached ? 0 : 1) };
}

/** The metric arrives again: it goes on as what it was. */
export function endStale(before: MetricEvaluation): MetricEvaluation {
  if (before.state !== 'stale') return before;
  return { ...before, state: before.wasBreached ? 'breached' : 'ok', wasBreached: false };
}
