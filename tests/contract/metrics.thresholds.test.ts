import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { MetricType } from '../../src/domain/threshold.ts';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { fieldIssues } from '../support/fieldIssues.ts';
import { StoredMetrics, type RowRef } from '../support/storedMetrics.ts';

let api: ApiUnderTest;
let rows: StoredMetrics;
let client: ApiClient;
let machine: RowRef;
beforeAll(async () => {
  api = await startApi();
  rows = new StoredMetrics(api.orm);
  client = await api.newClient();
});
afterAll(() => api.close());
beforeEach(async () => {
  machine = await rows.insertMachine({ clientId: client.clientId });
});

const insertMetric = (type: MetricType = 'numeric') => rows.insertMetric(machine, { type });
const set = (metric: RowRef, body: unknown): Promise<ApiResponse> =>
  client.post(`/metrics/${metric.id}/thresholds/default`, body);
async function thresholdAfter(metric: RowRef, body: unknown): Promise<unknown> {
  const answer = await set(metric, body);
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return (answer.body as { threshold: unknown }).threshold;
}
async function updatedAt(metric: RowRef): Promise<string> {
  const [row] = await rows.execute(
    sql<{ at: string }>`select updated_at::text as at from thresholds where metric_key = ${metric.key}`,
  );
  return row?.at ?? '';
}

describe('#metrics.thresholds.default', () => {
  it('should create a threshold with the defaults, and change it with the next one', async () => {
    const metric = await insertMetric();
    const created = await set(metric, { comparison: 'gt', value_num: 0.9 });
    expect([created.status, created.body]).toEqual([
      200,
      {
        success: true,
        updated: false,
        metric: expect.objectContaining({ id: metric.id, machine_id: machine.id, needs_threshold: false }),
        threshold: {
          id: expect.any(String),
          name: 'default',
          condition: 'gt',
          value_num: 0.9,
          value_bool: null,
          value_str: null,
          value_low: null,
          value_high: null,
          recovery_value: null,
          severity: 'warning',
          is_active: true,
          consecutive_breaches: 1,
          cooldown_sec: 0,
          min_duration_sec: 0,
        },
      },
    ]);
    const changed = await set(metric, { comparison: 'lt', value_num: -5 });
    const { threshold } = created.body as { threshold: { id: string } };
    expect(changed.body).toMatchObject({
      updated: true,
      threshold: { id: threshold.id, condition: 'lt', value_num: -5 },
    });
  });

  it('should change what is sent and leave the rest', async () => {
    const metric = await insertMetric();
    await set(metric, {
      ...{ comparison: 'gt', value_num: 90, recovery_value: 80, severity: 'critical' },
      ...{ consecutive_breaches: 3, cooldown_sec: 60, min_duration_sec: 30 },
    });
    const whole = {
      ...{ condition: 'gt', value_num: 90, recovery_value: 80, severity: 'critical' },
      ...{ consecutive_breaches: 3, cooldown_sec: 60, min_duration_sec: 30 },
    };
    expect(await thresholdAfter(metric, {})).toMatchObject(whole);
    expect(await thresholdAfter(metric, { severity: 'info' })).toMatchObject({ ...whole, severity: 'info' });
    expect(await thresholdAfter(metric, { value: 95 })).toMatchObject({ value_num: 95, recovery_value: 80 });
    expect(await thresholdAfter(metric, { comparison: 'ge' })).toMatchObject({
      condition: 'ge',
      value_num: 95,
    });
    expect(await thresholdAfter(metric, { recovery_value: null })).toMatchObject({ recovery_value: null });
    expect(await thresholdAfter(metric, { value_num: null, value_str: null })).toMatchObject({
      value_num: 95,
    });
    expect(
      await thresholdAfter(metric, { comparison: 'outside', value_low: 1, value_high: 2 }),
    ).toMatchObject({
      ...{ condition: 'outside', value_num: null, value_low: 1, value_high: 2, consecutive_breaches: 3 },
    });
    expect(await thresholdAfter(metric, { value_high: 9 })).toMatchObject({ value_low: 1, value_high: 9 });
    expect(await thresholdAfter(metric, { comparison: 'eq', value_num: 0 })).toMatchObject({
      ...{ condition: 'eq', value_num: 0, value_low: null, value_high: null },
    });
  });

  it.each<[MetricType, Record<string, unknown>, Record<string, unknown>]>([
    ['numeric', { condition: '>', threshold: 5 }, { condition: 'gt', value_num: 5 }],
    ['numeric', { condition: 'gte', value: 5 }, { condition: 'ge', value_num: 5 }],
    ['numeric', { condition: 'LESS_THAN', value_num: 5, value_bool: null }, { condition: 'lt' }],
    ['numeric', { comparison: '<=', value_num: -1e308 }, { condition: 'le', value_num: -1e308 }],
    ['numeric', { comparison: '!=', value_num: 5e-324 }, { condition: 'ne', value_num: 5e-324 }],
    ['boolean', { condition: '==', threshold_bool: false }, { condition: 'eq', value_bool: false }],
    ['boolean', { comparison: 'neq', value_bool: true }, { condition: 'ne', value_bool: true }],
    ['string', { condition: 'equals', threshold_str: '' }, { condition: 'eq', value_str: '' }],
    ['string', { comparison: 'contains', value_str: "Ünïcode '%\\" }, { value_str: "Ünïcode '%\\" }],
    ['numeric', { comparison: 'gt', value_num: 5, recovery_value: 5 }, { recovery_value: 5 }],
    ['numeric', { comparison: 'lt', value_num: 5, recovery_value: 6 }, { recovery_value: 6 }],
  ])('should take for a %s metric %j', async (type, body, expected) => {
    expect(await thresholdAfter(await insertMetric(type), body)).toMatchObject(expected);
  });

  it.each<[MetricType, Record<string, unknown>, Record<string, string>]>([
    ['numeric', {}, { 'body.comparison': 'missing' }],
    ['numeric', { severity: 'info' }, { 'body.comparison': 'missing' }],
    ['numeric', { comparison: 'gt' }, { 'body.value_num': 'missing' }],
    ['boolean', { comparison: 'eq' }, { 'body.value_bool': 'missing' }],
    ['numeric', { comparison: 'outside', value_high: 1 }, { 'body.value_low': 'missing' }],
    ['numeric', { comparison: 'gt', value_str: '5' }, { 'body.value_str': 'threshold_type' }],
    ['numeric', { condition: 'gt', threshold_bool: true }, { 'body.threshold_bool': 'threshold_type' }],
    ['boolean', { comparison: 'eq', value: 1 }, { 'body.value': 'threshold_type' }],
    [
      'boolean',
      { comparison: 'gt', value_bool: true, recovery_value: 1 },
      { 'body.comparison': 'threshold_type', 'body.recovery_value': 'threshold_type' },
    ],
    ['string', { condition: '>', value_str: 'x' }, { 'body.condition': 'threshold_type' }],
    [
      'string',
      { comparison: 'outside', value_low: 1, value_high: 2 },
      {
        'body.comparison': 'threshold_type',
        'body.value_low': 'threshold_type',
        'body.value_high': 'threshold_type',
      },
    ],
    ['string', { comparison: 'contains', value_str: '' }, { 'body.value_str': 'string_too_short' }],
    [
      'numeric',
      { comparison: 'gt', value_num: 1, value_bool: true },
      { 'body.value_bool': 'threshold_value' },
    ],
    ['numeric', { comparison: 'gt', value_num: 1, value: 1 }, { 'body.value': 'alias_conflict' }],
    ['numeric', { comparison: 'gt', threshold: 1, value: 2 }, { 'body.value': 'alias_conflict' }],
    ['numeric', { comparison: 'gt', condition: 'gt', value: 2 }, { 'body.condition': 'alias_conflict' }],
    ['numeric', { comparison: 'outside', value_num: 1 }, { 'body.value_num': 'threshold_value' }],
    ['numeric', { comparison: 'gt', value_low: 1, value_num: 2 }, { 'body.value_low': 'threshold_value' }],
    ['numeric', { comparison: 'outside', value_low: 2, value_high: 2 }, { 'body.value_high': 'range' }],
    [
      'numeric',
      { comparison: 'gt', value_num: 5, recovery_value: 6 },
      { 'body.recovery_value': 'recovery_side' },
    ],
    [
      'numeric',
      { comparison: 'ge', value_num: 5, recovery_value: 5 },
      { 'body.recovery_value': 'recovery_side' },
    ],
    [
      'numeric',
      { comparison: 'le', value: 5, recovery_value: 5 },
      { 'body.recovery_value': 'recovery_side' },
    ],
    [
      'numeric',
      { comparison: 'eq', value_num: 5, recovery_value: 4 },
      { 'body.recovery_value': 'recovery_not_allowed' },
    ],
    ['numeric', { comparison: 'like', value_num: 5 }, { 'body.comparison': 'literal_error' }],
    [
      'numeric',
      { comparison: 5, value_num: '5' },
      { 'body.comparison': 'string_type', 'body.value_num': 'float_type' },
    ],
    [
      'numeric',
      { severity: 'fatal', consecutive_breaches: 0, cooldown_sec: -1, min_duration_sec: 1.5 },
      {
        'body.severity': 'literal_error',
        'body.consecutive_breaches': 'greater_than_equal',
        'body.cooldown_sec': 'greater_than_equal',
        'body.min_duration_sec': 'int_from_float',
      },
    ],
    ['numeric', { comparison: 'gt', value_num: 1, colour: 'red' }, { 'body.colour': 'extra_forbidden' }],
    ['string', { comparison: 'eq', value_str: 'a\u0000' }, { 'body.value_str': 'string_unicode' }],
    ['string', { comparison: 'eq', value_str: 'x'.repeat(1_025) }, { 'body.value_str': 'string_too_long' }],
  ])('should refuse for a %s metric %j, and store nothing', async (type, body, expected) => {
    const metric = await insertMetric(type);
    const answer = await set(metric, { alert_enabled: false, ...body });
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
    expect((await client.get(`/machines/${machine.id}/detail`)).body).toMatchObject({
      metrics: [{ default_threshold: null, is_alerting_enabled: true }],
    });
  });

  it.each<[string, Record<string, unknown>, Record<string, string>]>([
    ['a value beyond the stored recovery', { value: 70 }, { 'body.value': 'recovery_side' }],
    ['a comparison without recovery', { condition: 'eq' }, { 'body.condition': 'recovery_not_allowed' }],
    ['the other direction', { comparison: 'lt' }, { 'body.comparison': 'recovery_side' }],
    ['a bound without the other', { value_low: 1 }, { 'body.value_low': 'threshold_value' }],
    [
      'a range without its bounds',
      { comparison: 'outside', recovery_value: null },
      { 'body.value_low': 'missing', 'body.value_high': 'missing' },
    ],
  ])('should hold against what is stored: %s', async (_what, body, expected) => {
    const metric = await insertMetric();
    const before = await thresholdAfter(metric, { comparison: 'gt', value_num: 90, recovery_value: 80 });
    const answer = await set(metric, body);
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
    expect(await thresholdAfter(metric, {})).toEqual(before);
  });

  it('should say what to do', async () => {
    const metric = await insertMetric();
    const messages = async (body: unknown) =>
      ((await set(metric, body)).body as { detail: { msg: string }[] }).detail.map(({ msg }) => msg);
    expect(await messages({ comparison: 'gt', value_str: 'x' })).toEqual([
      'This metric is numeric, and is compared with value_num: leave value_str out',
    ]);
    expect(await messages({ comparison: 'outside', value_low: 3, value_high: 2 })).toEqual([
      'Input should be greater than value_low (3)',
    ]);
    expect(await messages({ comparison: 'gt', value_num: 5, recovery_value: 6 })).toEqual([
      'Input should be at most the value (5): that is where the metric is well again',
    ]);
    await set(metric, { comparison: 'gt', value_num: 5, recovery_value: 4 });
    expect(await messages({ comparison: 'ne' })).toEqual([
      `'ne' has no recovery_value, only gt, ge, lt and le have one: send "recovery_value": null as well`,
    ]);
  });

  it('should turn alerting on and off with the switch of the metric', async () => {
    const metric = await insertMetric();
    const quiet = await set(metric, { comparison: 'gt', value_num: 1, alert_enabled: false });
    expect(quiet.body).toMatchObject({
      metric: { is_alerting_enabled: false },
      threshold: { is_active: true },
    });
    expect((await set(metric, { value_num: 2 })).body).toMatchObject({
      metric: { is_alerting_enabled: false },
    });
    expect((await set(metric, { alert_enabled: true })).body).toMatchObject({
      metric: { is_alerting_enabled: true },
    });
  });

  it('should let evaluation begin afresh when something changed, and only then', async () => {
    const metric = await insertMetric();
    await set(metric, { comparison: 'gt', value_num: 1 });
    const first = await updatedAt(metric);
    await set(metric, { comparison: 'gt', value_num: 1, severity: 'warning', alert_enabled: false });
    expect(await updatedAt(metric)).toBe(first);
    await set(metric, { severity: 'info' });
    expect(await updatedAt(metric)).not.toBe(first);
  });

  it('should activate a threshold that was not', async () => {
    const metric = await insertMetric();
    await set(metric, { comparison: 'gt', value_num: 1 });
    await rows.execute(sql`update thresholds set is_active = false where metric_key = ${metric.key}`);
    expect(await thresholdAfter(metric, {})).toMatchObject({ is_active: true });
  });

  it('should keep all of several changes at the same time, and create one threshold', async () => {
    const metric = await insertMetric();
    const rule = { comparison: 'gt', value_num: 1 };
    const lock = sql`select from metric_instances where key = ${metric.key} for update`;
    const answers = await rows.whileLocked(lock, 3, () =>
      Promise.all([
        set(metric, { ...rule, severity: 'critical' }),
        set(metric, { ...rule, cooldown_sec: 60 }),
        set(metric, { ...rule, alert_enabled: false }),
      ]),
    );
    expect(answers.filter(({ body }) => !(body as { updated: boolean }).updated)).toHaveLength(1);
    expect((await set(metric, {})).body).toMatchObject({
      metric: { is_alerting_enabled: false },
      threshold: { severity: 'critical', cooldown_sec: 60 },
    });
  });

  it('should describe its fields, and mark old names as deprecated', async () => {
    const document = (await api.anonymous.get('//openapi.json')).body as {
      components: { schemas: Record<string, unknown> };
    };
    expect(document.components.schemas['ThresholdChange']).toMatchObject({
      type: 'object',
      additionalProperties: false,
      properties: {
        comparison: { anyOf: expect.arrayContaining([{ type: 'null' }]) },
        value_num: { type: ['number', 'null'] },
        severity: { type: 'string', enum: ['info', 'warning', 'critical'] },
        condition: { deprecated: true },
        threshold: { deprecated: true },
        value: { deprecated: true },
        threshold_bool: { deprecated: true },
        threshold_str: { deprecated: true },
      },
    });
    expect(document.components.schemas['MetricAlerting']).toMatchObject({
      properties: { alert_enabled: { type: 'boolean' }, enabled: { deprecated: true } },
    });
  });
});
