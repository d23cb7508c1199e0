import { sql, type Kysely } from 'kysely';
import type { Metric, ThresholdDefinition } from './metricRow.ts';

/** What the default threshold of a metric is to be, and whether anybody wants to hear of the metric. */
export interface ThresholdChange {
  readonly threshold: ThresholdDefinition;
  readonly isAlertingEnabled: boolean;
}

const DEFINITION_FIELDS = [
  'comparison',
  'valueNum',
  'valueBool',
  'valueStr',
  'valueLow',
  'valueHigh',
  'recoveryValue',
  'severity',
  'consecutiveBreaches',
  'cooldownSeconds',
  'minDurationSeconds',
] as const satisfies readonly (keyof ThresholdDefinition)[];

/**
 * Writes what differs. Whoever sets a threshold wants it judged: it is active from then on. A new `updated_at` tells
 * evaluation to begin afresh; it is the time of the write, since transactions that wait for each other may begin in
 * another order.
 *
 * @param metric as it is, under its lock
 */
export async function writeThreshold(
  db: Kysely<object>,
  metric: Metric,
  { threshold, isAlertingEnabled }: ThresholdChange,
): Promise<void> {
  if (metric.isAlertingEnabled !== isAlertingEnabled) {
    await sql`
      update metric_instances set is_alerting_enabled = ${isAlertingEnabled} where key = ${metric.key}
    `.execute(db);
  }
  const stored = metric.threshold;
  if (stored?.isActive === true && DEFINITION_FIELDS.every((field) => stored[field] === threshold[field])) {
    return;
  }
  await sql`
    insert into thresholds as t (metric_key, comparison, value_num, value_bool, value_str, value_low, value_high,
      recovery_value, severity, consecutive_breaches, cooldown_sec, min_duration_sec)
    values (${metric.key}, ${threshold.comparison}, ${threshold.valueNum}::float8, ${threshold.valueBool}::boolean,
      ${threshold.valueStr}::text, ${threshold.valueLow}::float8, ${threshold.valueHigh}::float8,
      ${threshold.recoveryValue}::float8, ${threshold.severity}, ${threshold.consecutiveBreaches}::int,
      ${threshold.cooldownSeconds}::int, ${threshold.minDurationSeconds}::int)
    on conflict (metric_key, name) do update set (comparison, value_num, value_bool, value_str, value_low,
      value_high, recovery_value, severity, consecutive_breaches, cooldown_sec, min_duration_sec, is_active,
      updated_at) = (excluded.comparison, excluded.value_num, excluded.value_bool, excluded.value_str,
      excluded.value_low, excluded.value_high, excluded.recovery_value, excluded.severity,
      excluded.consecutive_breaches, excluded.cooldown_sec, excluded.min_duration_sec, true, clock_timestamp())
  `.execute(db);
}
