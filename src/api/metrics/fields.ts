import { z } from 'zod';
import type { Comparison } from '../../domain/threshold.ts';
import { customIssue } from '../zodIssues.ts';

export const COMPARISON_NAMES = [
  'gt',
  'ge',
  'lt',
  'le',
  'eq',
  'ne',
  'contains',
  'outside',
] as const satisfies readonly Comparison[];

/** How clients of the old server wrote them. */
const COMPARISON_ALIASES: Readonly<Record<string, Comparison>> = {
  '>': 'gt',
  greater_than: 'gt',
  '>=': 'ge',
  gte: 'ge',
  greater_than_or_equal: 'ge',
  '<': 'lt',
  less_than: 'lt',
  '<=': 'le',
  lte: 'le',
  less_than_or_equal: 'le',
  '=': 'eq',
  '==': 'eq',
  equal: 'eq',
  equals: 'eq',
  '!=': 'ne',
  '<>': 'ne',
  neq: 'ne',
  not_equal: 'ne',
  not_equals: 'ne',
};

const KNOWN = new Map<string, Comparison>([
  ...COMPARISON_NAMES.map((name) => [name, name] as const),
  ...Object.entries(COMPARISON_ALIASES),
]);

export const comparisonField = z
  .string()
  .transform((text, context) => {
    const known = KNOWN.get(text.trim().toLowerCase());
    if (known !== undefined) return known;
    const names = COMPARISON_NAMES.map((name) => `'${name}'`).join(', ');
    context.addIssue(customIssue('literal_error', `Input should be one of ${names}`));
    return z.NEVER;
  })
  .meta({
    override: {
      anyOf: [
        { type: 'string', enum: [...COMPARISON_NAMES] },
        { type: 'string', enum: Object.keys(COMPARISON_ALIASES), deprecated: true },
      ],
    },
  });

/** A number as JSON has it, and not larger than a double can hold. */
export const numberField = z
  .unknown()
  .transform((value, context) => {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    const issue =
      typeof value === 'number'
        ? customIssue('finite_number', 'Input should be a finite number')
        : customIssue('float_type', 'Input should be a valid number, without quotes');
    context.addIssue(issue);
    return z.NEVER;
  })
  .meta({ override: { type: 'number' } });
