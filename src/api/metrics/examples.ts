const COMMON = {
  id: '9a4f6a1c-0d58-4c39-8a67-5e1f2b3c4d5e',
  name: 'cpu_load',
  type: 'numeric',
  unit: 'ratio',
  group_name: 'cpu',
  is_alerting_enabled: true,
  is_paused: false,
  is_suggested_critical: true,
  needs_threshold: false,
};

export const METRIC_EXAMPLE = {
  ...COMMON,
  dimension_value: null,
  baseline_value: 0.38,
  last_value: 0.42,
  vendor: null,
  last_seen: '2026-01-31T08:00:00.012Z',
  state: 'OK',
};

export const METRIC_OF_MACHINE_EXAMPLE = {
  ...METRIC_EXAMPLE,
  machine_id: '3b0f2f6e-6d0f-4b8e-9a54-1f0c9a7f4e21',
};

export const THRESHOLD_EXAMPLE = {
  id: 'c7b1d0de-27a5-49a0-8a55-3a1de6f0b0c4',
  name: 'default',
  condition: 'gt',
  value_num: 0.9,
  value_bool: null,
  value_str: null,
  value_low: null,
  value_high: null,
  recovery_value: 0.8,
  severity: 'critical',
  is_active: true,
  consecutive_breaches: 3,
  cooldown_sec: 0,
  min_duration_sec: 0,
};

export const METRIC_STATUS_EXAMPLE = {
  ...COMMON,
  description: 'Share of the CPU that is in use.',
  status: 'OK',
  is_firing: false,
  default_condition: 'gt',
  last_sample: {
    ts: '2026-01-31T08:00:00.000Z',
    ts_epoch: 1_769_846_400,
    age_sec: 12,
    age_human: '12 s',
    value_type: 'numeric',
    num_value: 0.42,
    bool_value: null,
    str_value: null,
  },
  default_threshold: THRESHOLD_EXAMPLE,
};
