import { z } from 'zod';
import type { MetricValue } from '../../domain/metricBatch.ts';
import { METRIC_TYPES, type MetricType } from '../../domain/threshold.ts';
import { customIssue } from '../zodIssues.ts';

export const MAX_METRICS = 10_000;
const MAX_NAME_LENGTH = 200;
const MAX_TEXT_LENGTH = 1_024;
const ONE_LINE = /^[^\p{Cc}\u2028\u2029]*$/u;

const oneLine = (max: number) =>
  z.string().trim().min(1).max(max).regex(ONE_LINE, 'Input should be one line without control characters');

export const machineField = z.object({
  hostname: oneLine(253).describe('Finds the machine; upper and lower case are the same.'),
  os: oneLine(100).nullish().describe('Such as "linux".'),
  os_version: oneLine(200).nullish(),
});

type Value = MetricValue['value'];

/** The value, or what is wrong with it for a metric of this type: a type for programs, a message for people. */
function checkedValue(type: MetricType, value: unknown): Value | readonly [type: string, message: string] {
  if (value === undefined) return ['missing', 'Field required'];
  switch (type) {
    case 'numeric':
      if (typeof value !== 'number') {
        return [
          'float_type',
          'Input should be a valid number, without quotes: the type of this metric is numeric',
        ];
      }
      return Number.isFinite(value) ? value : ['finite_number', 'Input should be a finite number'];
    case 'boolean':
      return typeof value === 'boolean'
        ? value
        : ['bool_type', 'Input should be a valid boolean, true or false: the type of this metric is boolean'];
    case 'string':
      if (typeof value !== 'string') {
        return ['string_type', 'Input should be a valid string: the type of this metric is string'];
      }
      return value.length <= MAX_TEXT_LENGTH
        ? value
        : ['string_too_long', `String should have at most ${MAX_TEXT_LENGTH} characters`];
  }
}

const metricField = z
  .object({
    name: oneLine(MAX_NAME_LENGTH).describe(
      'Of the metric on its machine; "disk_used[/var]" is the metric disk_used of /var.',
    ),
    type: z.enum(METRIC_TYPES).describe('Never changes for a metric of a machine.'),
    value: z.unknown().meta({
      description: `As its type says; a string has at most ${MAX_TEXT_LENGTH} characters.`,
      override: { anyOf: [{ type: 'number' }, { type: 'boolean' }, { type: 'string' }] },
    }),
    unit: oneLine(50).nullish(),
  })
  .transform(({ name, type, value, unit }, context): MetricValue => {
    const checked = checkedValue(type, value);
    if (typeof checked !== 'object') return { name, type, value: checked, unit: unit ?? null };
    context.addIssue(customIssue(...checked, ['value']));
    return z.NEVER;
  });

/** Each name once. */
export const metricsField = z
  .array(metricField)
  .max(MAX_METRICS)
  .superRefine((metrics, context) => {
    const seen = new Map<string, number>();
    for (const [index, { name }] of metrics.entries()) {
      const first = seen.get(name);
      if (first !== undefined) {
        const message = `Each metric should be sent once in a batch: metrics.${first} has this name already`;
        context.addIssue(customIssue('duplicate_metric', message, [index, 'name']));
      }
      seen.set(name, index);
    }
  });

/** Old agents name no zone and mean UTC. */
export const sentAtField = z.iso
  .datetime({ offset: true, local: true })
  .transform((text) => Date.parse(/(z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`))
  .nullish()
  .meta({ override: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }] } })
  .describe('When the values were measured, RFC 3339; without a zone it is UTC. Absent: now.');

/** Chosen by the agent, once for each batch: the same again is stored once. */
export const ingestIdField = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{1,64}$/, 'Input should be 1 to 64 visible ASCII characters, such as a UUID');
