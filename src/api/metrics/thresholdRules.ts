import { COMPARISONS, type Comparison, type MetricType, type Severity } from '../../domain/threshold.ts';
import type { ThresholdDefinition } from '../../db/repositories/metricRow.ts';

/** The fields of a request after parsing, by their own names; null and undefined are "not sent". */
export interface SentThreshold {
  readonly comparison?: Comparison | null | undefined;
  readonly value_num?: number | null | undefined;
  readonly value_bool?: boolean | null | undefined;
  readonly value_str?: string | null | undefined;
  readonly value_low?: number | null | undefined;
  readonly value_high?: number | null | undefined;
  /** null takes it away. */
  readonly recovery_value?: number | null | undefined;
  readonly severity?: Severity | undefined;
  readonly consecutive_breaches?: number | undefined;
  readonly cooldown_sec?: number | undefined;
  readonly min_duration_sec?: number | undefined;
  readonly alert_enabled?: boolean | undefined;
  /** The name by which a field was sent, where that is an old one. */
  readonly names: ReadonlyMap<string, string>;
}

type RuleField =
  'comparison' | 'value_num' | 'value_bool' | 'value_str' | 'value_low' | 'value_high' | 'recovery_value';

/** A rule of a threshold that is broken. */
export interface ThresholdIssue {
  /** The field to blame. */
  readonly field: RuleField;
  readonly type: string;
  readonly message: string;
}

/** A threshold that may lack what it is about. */
export type ThresholdDraft = Omit<ThresholdDefinition, 'comparison'> & {
  readonly comparison: Comparison | null;
};

const OWN_VALUE = { numeric: 'value_num', boolean: 'value_bool', string: 'value_str' } as const;
export const SINGLE_VALUES = ['value_num', 'value_bool', 'value_str'] as const;
const RANGE_VALUES = ['value_low', 'value_high'] as const;

/** Which way a metric recovers, for the comparisons that can wait for it. */
const RECOVERY: Partial<
  Record<Comparison, { readonly words: string; readonly fits: (recovery: number, value: number) => boolean }>
> = {
  gt: { words: 'at most', fits: (recovery, value) => recovery <= value },
  ge: { words: 'less than', fits: (recovery, value) => recovery < value },
  lt: { words: 'at least', fits: (recovery, value) => recovery >= value },
  le: { words: 'greater than', fits: (recovery, value) => recovery > value },
};

/** What does not go with the type of the metric. */
export function typeIssues(type: MetricType, sent: SentThreshold): ThresholdIssue[] {
  const own = OWN_VALUE[type];
  const numbers = [...RANGE_VALUES, 'recovery_value'] as const;
  const foreign = [
    ...SINGLE_VALUES.filter((field) => field !== own),
    ...(type === 'numeric' ? [] : numbers),
  ].filter((field) => isSent(sent, field));
  const issues: ThresholdIssue[] = foreign.map((field) => ({
    field,
    type: 'threshold_type',
    message: `This metric is ${type}, and is compared with ${own}: leave ${field} out`,
  }));
  const { comparison } = sent;
  const known: readonly Comparison[] = COMPARISONS[type];
  if (comparison !== undefined && comparison !== null && !known.includes(comparison)) {
    const names = known.map((name) => `'${name}'`).join(', ');
    const message = `This metric is ${type}: compare it by one of ${names}`;
    issues.push({ field: 'comparison', type: 'threshold_type', message });
  }
  return issues;
}

/** The rules between fields, as far as these are known. */
export function ruleIssues(draft: ThresholdDraft, sent: SentThreshold): ThresholdIssue[] {
  const { comparison, valueLow, valueHigh, valueStr } = draft;
  if (comparison === null) return [];
  const isRange = comparison === 'outside';
  const surplus = (isRange ? SINGLE_VALUES : RANGE_VALUES).filter((field) => isSent(sent, field));
  const issues: ThresholdIssue[] = surplus.map((field) => ({
    field,
    type: 'threshold_value',
    message: isRange
      ? `'outside' compares with value_low and value_high: leave ${field} out`
      : `'${comparison}' compares with one value: leave ${field} out, or send comparison 'outside'`,
  }));
  if (valueLow !== null && valueHigh !== null && valueLow >= valueHigh) {
    const [field, words] = isSent(sent, 'value_high')
      ? (['value_high', `greater than value_low (${valueLow})`] as const)
      : (['value_low', `less than value_high (${valueHigh})`] as const);
    issues.push({ field, type: 'range', message: `Input should be ${words}` });
  }
  if (comparison === 'contains' && valueStr === '') {
    const message = 'String should have at least 1 character: every text contains an empty one';
    issues.push({ field: 'value_str', type: 'string_too_short', message });
  }
  return [...issues, ...recoveryIssues(comparison, draft, sent)];
}

function recoveryIssues(
  comparison: Comparison,
  { valueNum, recoveryValue }: ThresholdDraft,
  sent: SentThreshold,
): ThresholdIssue[] {
  if (recoveryValue === null) return [];
  const isNew = isSent(sent, 'recovery_value');
  const rule = RECOVERY[comparison];
  if (rule === undefined) {
    const why = `'${comparison}' has no recovery_value, only gt, ge, lt and le have one`;
    const [field, what] = isNew
      ? (['recovery_value', 'leave it out'] as const)
      : (['comparison', 'send "recovery_value": null as well'] as const);
    return [{ field, type: 'recovery_not_allowed', message: `${why}: ${what}` }];
  }
  if (valueNum === null || rule.fits(recoveryValue, valueNum)) return [];
  if (isNew) {
    const message = `Input should be ${rule.words} the value (${valueNum}): that is where the metric is well again`;
    return [{ field: 'recovery_value', type: 'recovery_side', message }];
  }
  const message = `The recovery_value (${recoveryValue}) should be ${rule.words} the value (${valueNum}): send another as well, or null`;
  return [{ field: isSent(sent, 'value_num') ? 'value_num' : 'comparison', type: 'recovery_side', message }];
}

/** What the comparison needs and the threshold does not have. */
export function missingIssues(type: MetricType, draft: ThresholdDraft): ThresholdIssue[] {
  const { comparison } = draft;
  if (comparison === null) {
    const known = COMPARISONS[type].map((name) => `'${name}'`).join(', ');
    return [{ field: 'comparison', type: 'missing', message: `Field required: one of ${known}` }];
  }
  const values = {
    value_num: draft.valueNum,
    value_bool: draft.valueBool,
    value_str: draft.valueStr,
    value_low: draft.valueLow,
    value_high: draft.valueHigh,
  };
  const needed = comparison === 'outside' ? RANGE_VALUES : [OWN_VALUE[type]];
  return needed
    .filter((field) => values[field] === null)
    .map((field) => ({
      field,
      type: 'missing',
      message: `Field required: '${comparison}' compares this ${type} metric with it`,
    }));
}

/** null stands for a field that was left empty. */
export function isSent(sent: SentThreshold, field: RuleField): boolean {
  return (sent[field] ?? null) !== null;
}

/** One reason a field is enough. */
export function firstOfEachField(issues: readonly ThresholdIssue[]): ThresholdIssue[] {
  return issues.filter(({ field }, index) => issues.findIndex((other) => other.field === field) === index);
}
