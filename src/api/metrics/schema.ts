import { z } from 'zod';
import { METRIC_TYPES, SEVERITIES } from '../../domain/threshold.ts';
import { pageFields, queryChoice } from '../queryFields.ts';
import { COMPARISON_NAMES } from './fields.ts';

const STATES = ['OK', 'BREACHED', 'STALE'] as const;

const time = z.iso.datetime();
const nullableTime = time.nullable();

export const MetricId = z.strictObject({ id: z.guid().toLowerCase() });
export const MetricsMachineId = z.strictObject({ machine_id: z.guid().toLowerCase() });

export const MetricListQuery = z.strictObject({
  machine_id: z.guid().toLowerCase().optional(),
  name: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('The whole name; "disk_used" stands for "disk_used[/var]" and all its other dimensions too.'),
  type: z.enum(METRIC_TYPES).optional(),
  status: queryChoice(STATES).optional(),
  ...pageFields({ defaultLimit: 100 }),
});

export const MachineMetricListQuery = z.strictObject(pageFields({ defaultLimit: 100 }));

/** What the fields of a metric have in common wherever it is shown. */
const metric = {
  id: z.guid(),
  name: z.string().describe('As its agent sends it, with its dimension.'),
  type: z.enum(METRIC_TYPES),
  unit: z.string().nullable(),
  group_name: z.string().nullable(),
  is_alerting_enabled: z.boolean(),
  is_paused: z.boolean(),
  is_suggested_critical: z.boolean(),
  needs_threshold: z.boolean().describe('Somebody should watch it, and it has no threshold.'),
};

export const Metric = z
  .strictObject({
    ...metric,
    dimension_value: z.string().nullable().describe('"/var" of "disk_used[/var]".'),
    baseline_value: z
      .number()
      .nullable()
      .describe('The mean of the last seven days that are over; null without any, and of what is no number.'),
    last_value: z
      .union([z.number(), z.boolean(), z.string()])
      .nullable()
      .describe('Of the type of the metric; null before the first sample.'),
    vendor: z.string().nullable(),
    last_seen: nullableTime.describe('When the server last received a sample of it.'),
    state: z
      .enum(STATES)
      .describe('BREACHED: over its threshold. STALE: its machine reports, and it does not come any more.'),
  })
  .meta({ id: 'Metric' });

export const MetricOfMachine = z
  .strictObject({ ...Metric.shape, machine_id: z.guid() })
  .meta({ id: 'MetricOfMachine' });

export const MetricPage = z.strictObject({
  items: z.array(MetricOfMachine),
  total: z.int().describe('How many there are in all, of those that the filters let through.'),
  next_cursor: z.string().nullable(),
});

export const Threshold = z
  .strictObject({
    id: z.guid(),
    name: z.string(),
    condition: z.enum(COMPARISON_NAMES),
    value_num: z.number().nullable(),
    value_bool: z.boolean().nullable(),
    value_str: z.string().nullable(),
    value_low: z.number().nullable(),
    value_high: z.number().nullable(),
    recovery_value: z.number().nullable(),
    severity: z.enum(SEVERITIES),
    is_active: z.boolean(),
    consecutive_breaches: z.int(),
    cooldown_sec: z.int(),
    min_duration_sec: z.int(),
  })
  .meta({ id: 'Threshold' });

const Sample = z
  .strictObject({
    ts: time,
    ts_epoch: z.int().describe('The same in whole seconds since 1970.'),
    age_sec: z.int(),
    age_human: z.string().describe('Such as "12 s", "5 min", "3 h", "2 d".'),
    value_type: z.enum(METRIC_TYPES),
    num_value: z.number().nullable(),
    bool_value: z.boolean().nullable(),
    str_value: z.string().nullable(),
  })
  .meta({ id: 'Sample' });

/** A metric in the detail of its machine. */
export const MetricStatus = z
  .strictObject({
    ...metric,
    description: z.string().nullable(),
    status: z
      .enum(['OK', 'NO_DATA'])
      .describe('NO_DATA: it has no sample, or is stale, or its machine is not up.'),
    is_firing: z.boolean().describe('Over its threshold, with alerting enabled.'),
    default_condition: z.string().nullable().describe('The comparison that suits it.'),
    last_sample: Sample.nullable(),
    default_threshold: Threshold.nullable(),
  })
  .meta({ id: 'MetricStatus' });

export const MetricChanged = z
  .strictObject({ success: z.literal(true), metric: MetricOfMachine })
  .meta({ id: 'MetricChanged' });

export const ThresholdSet = z
  .strictObject({
    success: z.literal(true),
    updated: z.boolean().describe('Whether the metric had a threshold before.'),
    metric: MetricOfMachine,
    threshold: Threshold,
  })
  .meta({ id: 'ThresholdSet' });

export const MetricPause = z.strictObject({ paused: z.boolean() }).meta({ id: 'MetricPause' });
