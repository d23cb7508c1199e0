import type { Metric, Threshold } from '../../db/repositories/metricRow.ts';
import type { ThresholdChange } from '../../db/repositories/thresholds.ts';
import { unprocessable } from '../errors.ts';
import {
  firstOfEachField,
  isSent,
  missingIssues,
  ruleIssues,
  SINGLE_VALUES,
  typeIssues,
  type SentThreshold,
  type ThresholdDraft,
  type ThresholdIssue,
} from './thresholdRules.ts';

/** What is wrong with a request whatever the metric is. */
export function sentIssues(sent: SentThreshold): ThresholdIssue[] {
  const [first, ...others] = SINGLE_VALUES.filter((field) => isSent(sent, field));
  const tooMany = others.map((field) => ({
    field,
    type: 'threshold_value',
    message: `A metric has one type, so send one value: ${first ?? ''} is sent as well`,
  }));
  return firstOfEachField([...tooMany, ...ruleIssues(draftOf(null, sent), sent)]);
}

/**
 * A change for `MetricRepository.changeThreshold`, which hands it the metric as it is under its lock.
 *
 * @returns a function that throws ApiError 422 when the threshold would not be one for this metric
 */
export function checkedThreshold(sent: SentThreshold): (metric: Metric) => ThresholdChange {
  return ({ type, threshold: stored, isAlertingEnabled }) => {
    const draft = draftOf(stored, sent);
    const broken = firstOfEachField([...typeIssues(type, sent), ...ruleIssues(draft, sent)]);
    const issues = broken.length > 0 ? broken : missingIssues(type, draft);
    const { comparison } = draft;
    if (comparison === null || issues.length > 0) {
      throw unprocessable(
        issues.map(({ field, message, type: issueType }) => ({
          loc: ['body', sent.names.get(field) ?? field],
          msg: message,
          type: issueType,
        })),
      );
    }
    return {
      threshold: { ...draft, comparison },
      isAlertingEnabled: sent.alert_enabled ?? isAlertingEnabled,
    };
  };
}

/** What is stored, or the defaults, with what was sent on top; only the values that the comparison takes. */
function draftOf(stored: Threshold | null, sent: SentThreshold): ThresholdDraft {
  const comparison = sent.comparison ?? stored?.comparison ?? null;
  const isRange = comparison === 'outside';
  const recovery = sent.recovery_value;
  return {
    comparison,
    valueNum: isRange ? null : (sent.value_num ?? stored?.valueNum ?? null),
    valueBool: isRange ? null : (sent.value_bool ?? stored?.valueBool ?? null),
    valueStr: isRange ? null : (sent.value_str ?? stored?.valueStr ?? null),
    valueLow: isRange ? (sent.value_low ?? stored?.valueLow ?? null) : null,
    valueHigh: isRange ? (sent.value_high ?? stored?.valueHigh ?? null) : null,
    recoveryValue: recovery === undefined ? (stored?.recoveryValue ?? null) : recovery,
    severity: sent.severity ?? stored?.severity ?? 'warning',
    consecutiveBreaches: sent.consecutive_breaches ?? stored?.consecutiveBreaches ?? 1,
    cooldownSeconds: sent.cooldown_sec ?? stored?.cooldownSeconds ?? 0,
    minDurationSeconds: sent.min_duration_sec ?? stored?.minDurationSeconds ?? 0,
  };
}
