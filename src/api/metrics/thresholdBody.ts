import { z } from 'zod';
import { SEVERITIES } from '../../domain/threshold.ts';
import { customIssue } from '../zodIssues.ts';
import { comparisonField, numberField } from './fields.ts';
import { sentIssues } from './thresholdDefinition.ts';
import type { SentThreshold } from './thresholdRules.ts';

const WEEK_SECONDS = 7 * 86_400;
const MAX_TEXT_LENGTH = 1_024;

const text = z.string().max(MAX_TEXT_LENGTH).nullish();
const number = numberField.nullish();
const comparison = comparisonField.nullish();
const truth = z.boolean().nullish();

function formerly<S extends z.ZodType>(schema: S, name: string) {
  return schema.meta({ deprecated: true, description: `The old name of ${name}.` });
}

const fields = z.strictObject({
  comparison: comparison.describe('When the metric is over its threshold; "outside" takes a range.'),
  value_num: number.describe('Of a numeric metric.'),
  value_bool: truth.describe('Of a boolean metric.'),
  value_str: text.describe('Of a string metric.'),
  value_low: number.describe('Of "outside": a value below is over the threshold.'),
  value_high: number.describe('Of "outside": a value above is over the threshold.'),
  recovery_value: number.describe(
    'Of gt, ge, lt and le: a metric that is over its threshold recovers only here or beyond; null for none.',
  ),
  severity: z.enum(SEVERITIES).optional().describe('"warning" at first.'),
  consecutive_breaches: z
    .int()
    .min(1)
    .max(1_000)
    .optional()
    .describe('How many samples in a row have to be over it; 1 at first.'),
  cooldown_sec: z
    .int()
    .min(0)
    .max(WEEK_SECONDS)
    .optional()
    .describe('How long after a recovery it cannot be over it again; 0 at first.'),
  min_duration_sec: z
    .int()
    .min(0)
    .max(WEEK_SECONDS)
    .optional()
    .describe('How long samples have to be over it; 0 at first.'),
  alert_enabled: z
    .boolean()
    .optional()
    .describe('Whether the metric alerts: the same as PATCH /metrics/{id}/alerting.'),
  condition: formerly(comparison, 'comparison'),
  threshold: formerly(number, 'value_num'),
  value: formerly(number, 'value_num'),
  threshold_bool: formerly(truth, 'value_bool'),
  threshold_str: formerly(text, 'value_str'),
});

/** Old names are read as the new ones; rules that need the metric are checked against it. */
export const ThresholdBody = fields
  .transform(
    ({ condition, threshold, value: otherValue, threshold_bool, threshold_str, ...sent }, context) => {
      const names = new Map<string, string>();
      for (const [alias, name, value] of [
        ['condition', 'comparison', condition],
        ['threshold', 'value_num', threshold],
        ['value', 'value_num', otherValue],
        ['threshold_bool', 'value_bool', threshold_bool],
        ['threshold_str', 'value_str', threshold_str],
      ] as const) {
        if (value === undefined || value === null) continue;
        const other = names.get(name) ?? ((sent[name] ?? null) === null ? null : name);
        if (other === null) names.set(name, alias);
        else {
          const message = `This is an old name of ${name}, and ${other} is sent as well: send one of them`;
          context.addIssue(customIssue('alias_conflict', message, [alias]));
        }
      }
      const merged: SentThreshold = {
        ...sent,
        comparison: sent.comparison ?? condition,
        value_num: sent.value_num ?? threshold ?? otherValue,
        value_bool: sent.value_bool ?? threshold_bool,
        value_str: sent.value_str ?? threshold_str,
        names,
      };
      for (const { field, type, message } of sentIssues(merged)) {
        context.addIssue(customIssue(type, message, [names.get(field) ?? field]));
      }
      return merged;
    },
  )
  .meta({
    id: 'ThresholdChange',
    description: 'What is left out stays as it is, or has its default where there is no threshold yet.',
  });

export const THRESHOLD_EXAMPLES = {
  'a full disk': { comparison: 'gt', value_num: 90, recovery_value: 85, severity: 'critical' },
  'a service that is not running': { comparison: 'eq', value_bool: false, consecutive_breaches: 3 },
  'a temperature out of its range': { comparison: 'outside', value_low: 5, value_high: 35 },
  'another severity': { severity: 'critical' },
};
