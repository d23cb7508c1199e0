import { sql } from 'kysely';
import type { Comparison, MetricState, MetricType, Severity, ThresholdRule } from '../../domain/threshold.ts';

export type MetricReading = number | boolean | string;

/** What its owner says of a threshold; the values that its comparison does not take are null. */
export interface ThresholdDefinition extends ThresholdRule {
  readonly severity: Severity;
}

export interface Threshold extends ThresholdDefinition {
  readonly id: string;
  readonly name: string;
  readonly isActive: boolean;
}

/** A metric of a machine, with its newest sample, what evaluation made of it, and its default threshold. */
export interface Metric {
  readonly id: string;
  readonly key: number;
  readonly machineId: string;
  readonly isMachineUp: boolean;
  /** As it is sent, with its dimension. */
  readonly name: string;
  readonly dimensionValue: string | null;
  readonly type: MetricType;
  readonly unit: string | null;
  readonly groupName: string | null;
  readonly description: string | null;
  readonly vendor: string | null;
  readonly isSuggestedCritical: boolean;
  readonly defaultCondition: string | null;
  readonly isAlertingEnabled: boolean;
  readonly isPaused: boolean;
  readonly state: MetricState;
  readonly isFiring: boolean;
  readonly lastSample: { readonly at: Date; readonly value: MetricReading } | null;
  /** When the server last received a sample, whatever its time. */
  readonly lastReceivedAt: Date | null;
  readonly threshold: Threshold | null;
}

/** Outer joins, so that a count without conditions on them need not make them. */
export const FROM_METRICS = sql`
  from metric_instances i
  join machines m on m.key = i.machine_key and m.unregistered_at is null
  left join machine_states s on s.machine_key = i.machine_key
  left join metric_definitions d on d.id = i.definition_id
  left join metric_latest l on l.metric_key = i.key
  left join metric_evaluations e on e.metric_key = i.key
  left join thresholds t on t.metric_key = i.key and t.name = 'default'`;

/** It is over its threshold, and somebody wants to hear of it; null where it has no threshold. */
const IS_FIRING = sql`(e.state = 'breached' and i.is_alerting_enabled and t.is_active)`;

export const METRIC_COLUMNS = sql`
  i.id, i.key, i.name, i.dimension_value, i.type, i.unit, i.is_alerting_enabled, i.is_paused,
  m.id as machine_id, (not m.is_paused and s.status = 'up') as is_machine_up,
  d.group_name, d.description, d.vendor, d.is_suggested_critical, d.default_condition,
  l.at, l.received_at, l.num_value, l.bool_value, l.str_value, e.state, coalesce(${IS_FIRING}, false) as is_firing,
  t.id as threshold_id, t.name as threshold_name, t.comparison, t.value_num, t.value_bool, t.value_str,
  t.value_low, t.value_high, t.recovery_value, t.severity, t.is_active, t.consecutive_breaches, t.cooldown_sec,
  t.min_duration_sec`;

interface ThresholdRow {
  threshold_id: string;
  threshold_name: string;
  comparison: Comparison;
  value_num: number | null;
  value_bool: boolean | null;
  value_str: string | null;
  value_low: number | null;
  value_high: number | null;
  recovery_value: number | null;
  severity: Severity;
  is_active: boolean;
  consecutive_breaches: number;
  cooldown_sec: number;
  min_duration_sec: number;
}
type NoThresholdRow = { [Column in keyof ThresholdRow]: null };

/** The columns that hold a sample; the one of its type is not null. */
export interface SampleColumns {
  num_value: number | null;
  bool_value: boolean | null;
  str_value: string | null;
}

/** Timestamps come as text. */
export type MetricRow = (ThresholdRow | NoThresholdRow) &
  SampleColumns & {
    id: string;
    key: number;
    name: string;
    dimension_value: string | null;
    type: MetricType;
    unit: string | null;
    is_alerting_enabled: boolean;
    is_paused: boolean;
    machine_id: string;
    is_machine_up: boolean | null;
    group_name: string | null;
    description: string | null;
    vendor: string | null;
    is_suggested_critical: boolean | null;
    default_condition: string | null;
    at: string | null;
    received_at: string | null;
    state: MetricState | null;
    is_firing: boolean;
  };

export function toMetric(row: MetricRow): Metric {
  const value = toReading(row);
  return {
    id: row.id,
    key: row.key,
    machineId: row.machine_id,
    isMachineUp: row.is_machine_up ?? false,
    name: row.name,
    dimensionValue: row.dimension_value,
    type: row.type,
    unit: row.unit,
    groupName: row.group_name,
    description: row.description,
    vendor: row.vendor,
    isSuggestedCritical: row.is_suggested_critical ?? false,
    defaultCondition: row.default_condition,
    isAlertingEnabled: row.is_alerting_enabled,
    isPaused: row.is_paused,
    state: row.state ?? 'ok',
    isFiring: row.is_firing,
    lastSample: row.at === null || value === null ? null : { at: new Date(row.at), value },
    lastReceivedAt: row.received_at === null ? null : new Date(row.received_at),
    threshold: row.threshold_id === null ? null : toThreshold(row),
  };
}

export function toReading(row: SampleColumns): MetricReading | null {
  return row.num_value ?? row.bool_value ?? row.str_value;
}

function toThreshold(row: ThresholdRow): Threshold {
  return {
    id: row.threshold_id,
    name: row.threshold_name,
    comparison: row.comparison,
    valueNum: row.value_num,
    valueBool: row.value_bool,
    valueStr: row.value_str,
    valueLow: row.value_low,
    valueHigh: row.value_high,
    recoveryValue: row.recovery_value,
    severity: row.severity,
    isActive: row.is_active,
    consecutiveBreaches: row.consecutive_breaches,
    cooldownSeconds: row.cooldown_sec,
    minDurationSeconds: row.min_duration_sec,
  };
}
