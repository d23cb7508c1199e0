import { z } from 'zod';
import { InvalidCursorError } from '../db/repositories/cursor.ts';
import { unprocessable } from './errors.ts';
import type { RawAnswer } from './route.ts';
import { customIssue } from './zodIssues.ts';

/** A whole number in a query. */
export function queryInteger({ min, max, fallback }: { min: number; max: number; fallback: number }) {
  return wholeNumber(min, max)
    .default(fallback)
    .meta({ override: { type: 'integer', minimum: min, maximum: max, default: fallback } });
}

/** A whole number in a query that may be left out. */
export function optionalQueryInteger({ min, max }: { min: number; max: number }) {
  return wholeNumber(min, max)
    .optional()
    .meta({ override: { type: 'integer', minimum: min, maximum: max } });
}

function wholeNumber(min: number, max: number) {
  return z
    .string()
    .transform((text, context) => {
      if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
      context.addIssue(
        customIssue('int_parsing', 'Input should be a valid integer, unable to parse string as an integer'),
      );
      return z.NEVER;
    })
    .pipe(z.int().min(min).max(max));
}

/** `true` or `false` in a query; `1` and `0` are taken too. */
export const queryBoolean = z
  .string()
  .transform((text, context) => {
    const known = { true: true, '1': true, false: false, '0': false }[text.toLowerCase()];
    if (known !== undefined) return known;
    context.addIssue(customIssue('bool_parsing', 'Input should be a valid boolean, true or false'));
    return z.NEVER;
  })
  .meta({ override: { type: 'boolean' } });

/** One of some words in a query, in whatever case it is written. */
export function queryChoice<const Word extends string>(words: readonly Word[]) {
  return z
    .string()
    .transform((text) => words.find((word) => word.toLowerCase() === text.toLowerCase()) ?? text)
    .pipe(z.enum(words))
    .meta({ override: { type: 'string', enum: [...words] } });
}

/** A point in time with its zone, of a year that can be written with four digits and that Postgres knows. */
export const queryTime = z.iso
  .datetime({ offset: true })
  .transform((text, context) => {
    const time = new Date(text);
    if (time.getUTCFullYear() >= 1 && time.getUTCFullYear() <= 9_999) return time;
    context.addIssue(customIssue('datetime_parsing', 'Input should be in the years 1 to 9999 (UTC)'));
    return z.NEVER;
  })
  .meta({ override: { type: 'string', format: 'date-time' } });

/** `?limit&cursor` of a list. */
export function pageFields({ defaultLimit }: { defaultLimit: number }) {
  return {
    limit: queryInteger({ min: 1, max: 1_000, fallback: defaultLimit }).describe('Rows on a page.'),
    cursor: z
      .string()
      .max(500)
      .optional()
      .describe('Where the last page ended: its X-Next-Cursor or next_cursor.'),
  };
}

/** What a list that answers a bare array declares about its headers. */
export const PAGE_HEADERS = {
  Link: 'The address of the next page, with rel="next"; absent on the last one.',
  'X-Next-Cursor': 'The cursor of the next page; absent on the last one.',
} as const;

/** @param path as the client asked for it; the other parameters of the query are kept */
export function nextPageHeaders(
  path: string,
  searchParams: URLSearchParams,
  nextCursor: string | null,
): NonNullable<RawAnswer['headers']> {
  if (nextCursor === null) return {};
  const next = new URLSearchParams(searchParams);
  next.set('cursor', nextCursor);
  return { Link: `<${path}?${next.toString()}>; rel="next"`, 'X-Next-Cursor': nextCursor };
}

/** Runs a query that takes a cursor. @throws ApiError 422 when the cursor is none of ours */
export async function withValidCursor<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    if (!(error instanceof InvalidCursorError)) throw error;
    const msg = 'Input should be a cursor that this list gave: send it as it was, or leave it out';
    throw unprocessable([{ loc: ['query', 'cursor'], msg, type: 'cursor' }]);
  }
}
