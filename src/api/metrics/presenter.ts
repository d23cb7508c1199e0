import type { z } from 'zod';
import type { StoredSample } from '../../db/repositories/metricSamples.ts';
import type {
  Metric as StoredMetric,
  Threshold as StoredThreshold,
} from '../../db/repositories/metricRow.ts';
import type { SampleBucket } from '../../db/repositories/sampleStatistics.ts';
import { describeAge } from '../../domain/age.ts';
import type { Samples } from './samplesSchema.ts';
import type {
  Metric,
  MetricChanged,
  MetricOfMachine,
  MetricStatus,
  Threshold,
  ThresholdSet,
} from './schema.ts';

/** @param baseline its usual value, where it has one */
export function presentMetric(metric: StoredMetric, baseline: number | undefined): z.output<typeof Metric> {
  return {
    id: metric.id,
    name: metric.name,
    dimension_value: metric.dimensionValue,
    type: metric.type,
    unit: metric.unit,
    group_name: metric.groupName,
    vendor: metric.vendor,
    baseline_value: baseline ?? null,
    last_value: metric.lastSample?.value ?? null,
    last_seen: metric.lastReceivedAt?.toISOString() ?? null,
    state: ({ ok: 'OK', breached: 'BREACHED', stale: 'STALE' } as const)[metric.state],
    needs_threshold: needsThreshold(metric),
    is_alerting_enabled: metric.isAlertingEnabled,
    is_paused: metric.isPaused,
    is_suggested_critical: metric.isSuggestedCritical,
  };
}

export function presentMetricOfMachine(
  metric: StoredMetric,
  baseline: number | undefined,
): z.output<typeof MetricOfMachine> {
  return { ...presentMetric(metric, baseline), machine_id: metric.machineId };
}

export function presentMetricChanged(
  metric: StoredMetric,
  baseline: number | undefined,
): z.output<typeof MetricChanged> {
  return { success: true, metric: presentMetricOfMachine(metric, baseline) };
}

/** @param updated whether it had a threshold before */
export function presentThresholdSet(
  { metric, threshold, updated }: { metric: StoredMetric; threshold: StoredThreshold; updated: boolean },
  baseline: number | undefined,
): z.output<typeof ThresholdSet> {
  return { ...presentMetricChanged(metric, baseline), updated, threshold: presentThreshold(threshold) };
}

/** As the detail of its machine shows it. @param now UTC milliseconds */
export function presentMetricStatus(metric: StoredMetric, now: number): z.output<typeof MetricStatus> {
  const hasData = metric.lastSample !== null && metric.state !== 'stale' && metric.isMachineUp;
  return {
    id: metric.id,
    name: metric.name,
    type: metric.type,
    unit: metric.unit,
    group_name: metric.groupName,
    description: metric.description,
    status: hasData ? 'OK' : 'NO_DATA',
    is_alerting_enabled: metric.isAlertingEnabled,
    is_paused: metric.isPaused,
    is_firing: metric.isFiring,
    is_suggested_critical: metric.isSuggestedCritical,
    needs_threshold: needsThreshold(metric),
    default_condition: metric.defaultCondition,
    last_sample: presentLastSample(metric, now),
    default_threshold: metric.threshold === null ? null : presentThreshold(metric.threshold),
  };
}

function presentThreshold(threshold: StoredThreshold): z.output<typeof Threshold> {
  return {
    id: threshold.id,
    name: threshold.name,
    condition: threshold.comparison,
    value_num: threshold.valueNum,
    value_bool: threshold.valueBool,
    value_str: threshold.valueStr,
    value_low: threshold.valueLow,
    value_high: threshold.valueHigh,
    recovery_value: threshold.recoveryValue,
    severity: threshold.severity,
    is_active: threshold.isActive,
    consecutive_breaches: threshold.consecutiveBreaches,
    cooldown_sec: threshold.cooldownSeconds,
    min_duration_sec: threshold.minDurationSeconds,
  };
}

type SampleItem = z.output<typeof Samples>['items'][number];

export function presentSample({ at, value }: StoredSample): SampleItem {
  return [at.toISOString(), value];
}

/** Lowest, mean and highest value of a numeric metric, the share of true of a boolean one. */
export function presentBucket({ from, samples, numeric, trues }: SampleBucket): SampleItem {
  const time = new Date(from).toISOString();
  return numeric === null ? [time, trues / samples] : [time, numeric.low, numeric.mean, numeric.high];
}

function presentLastSample(
  { type, lastSample }: StoredMetric,
  now: number,
): z.output<typeof MetricStatus>['last_sample'] {
  if (lastSample === null) return null;
  const { at, value } = lastSample;
  const ageSeconds = Math.max(0, Math.floor((now - at.getTime()) / 1_000));
  return {
    ts: at.toISOString(),
    ts_epoch: Math.floor(at.getTime() / 1_000),
    age_sec: ageSeconds,
    age_human: describeAge(ageSeconds),
    value_type: type,
    num_value: typeof value === 'number' ? value : null,
    bool_value: typeof value === 'boolean' ? value : null,
    str_value: typeof value === 'string' ? value : null,
  };
}

function needsThreshold({ isSuggestedCritical, threshold }: StoredMetric): boolean {
  return isSuggestedCritical && threshold === null;
}
