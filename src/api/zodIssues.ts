import type { z } from 'zod';
import type { FieldIssue } from './errors.ts';

/** A request may hold a hundred thousand unknown fields; nobody reads about more than these. */
const MAX_ISSUES = 100;

type ZodIssue = z.core.$ZodIssue;

/** For `context.addIssue`: a rule of our own, with the stable type that clients match on. */
export function customIssue(type: string, message: string, path: (string | number)[] = []) {
  return { code: 'custom' as const, message, path, params: { type } };
}

/**
 * Says what zod found in the words of the old server (pydantic), which clients may match on. Parse with
 * `reportInput: true`, or a missing field cannot be told from a wrong one.
 *
 * @param part where the parsed value stood: `body`, `query`
 */
export function toFieldIssues(error: z.ZodError, part: string): FieldIssue[] {
  return error.issues.flatMap((issue) => toIssues(issue, part)).slice(0, MAX_ISSUES);
}

function toIssues(issue: ZodIssue, part: string): FieldIssue[] {
  const loc = [part, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MAX_ISSUES).map((key) => ({
      loc: [...loc, key],
      msg: 'Extra inputs are not permitted: this field is not known here',
      type: 'extra_forbidden',
    }));
  }
  const [type, msg] = typeAndMessage(issue);
  return [{ loc, msg, type }];
}

function typeAndMessage(issue: ZodIssue): readonly [type: string, msg: string] {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, issue.input);
    case 'too_small':
      return tooSmall(issue.origin, Number(issue.minimum));
    case 'too_big':
      return tooBig(issue.origin, Number(issue.maximum));
    case 'invalid_value':
      return ['literal_error', `Input should be ${alternatives(issue.values)}`];
    case 'invalid_format':
      return issue.format === 'regex' ? ['value_error', issue.message] : wrongFormat(issue.format);
    case 'custom': {
      const type: unknown = issue.params?.['type'];
      return [typeof type === 'string' ? type : 'value_error', issue.message];
    }
    default:
      return ['value_error', issue.message];
  }
}

function wrongType(expected: string, input: unknown): readonly [string, string] {
  if (input === undefined) return ['missing', 'Field required'];
  switch (expected) {
    case 'string':
      return ['string_type', 'Input should be a valid string'];
    case 'int':
    case 'number':
      if (typeof input === 'string') {
        return ['int_parsing', 'Input should be a valid integer, written as a number without quotes'];
      }
      return typeof input === 'number'
        ? ['int_from_float', 'Input should be a valid integer, got a number with a fractional part']
        : ['int_type', 'Input should be a valid integer'];
    case 'boolean':
      return ['bool_type', 'Input should be a valid boolean, true or false'];
    case 'array':
      return ['list_type', 'Input should be a valid list'];
    case 'object':
    case 'record':
      return ['dict_type', 'Input should be a valid JSON object'];
    default:
      return ['value_error', `Input should be a valid ${expected}`];
  }
}

function tooSmall(origin: string, minimum: number): readonly [string, string] {
  if (origin === 'string') {
    return ['string_too_short', `String should have at least ${counted(minimum, 'character')}`];
  }
  if (origin === 'array') return ['too_short', `List should have at least ${counted(minimum, 'item')}`];
  return ['greater_than_equal', `Input should be greater than or equal to ${minimum}`];
}

function tooBig(origin: string, maximum: number): readonly [string, string] {
  if (origin === 'string') {
    return ['string_too_long', `String should have at most ${counted(maximum, 'character')}`];
  }
  if (origin === 'array') return ['too_long', `List should have at most ${counted(maximum, 'item')}`];
  return ['less_than_equal', `Input should be less than or equal to ${maximum}`];
}

function wrongFormat(format: string): readonly [string, string] {
  switch (format) {
    case 'email':
      return ['value_error', 'value is not a valid email address: write it as name@example.com'];
    case 'datetime':
      return [
        'datetime_parsing',
        'Input should be a valid datetime with its zone, such as 2026-01-31T08:00:00Z',
      ];
    default:
      return ['value_error', `Input should be a valid ${format}`];
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function alternatives(values: readonly unknown[]): string {
  const quoted = values.map((value) => `'${String(value)}'`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}
