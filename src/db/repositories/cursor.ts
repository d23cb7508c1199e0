import { z } from 'zod';

/** A cursor that is not ours, or not for this list. */
export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError';
}

const MAX_KEY = 2 ** 31 - 1;
/** The last millisecond whose year has four digits, which is as far as Postgres reads ISO times. */
const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const FITS = {
  instant: (part: unknown) => typeof part === 'number' && part >= 0 && part <= LAST_INSTANT,
  time: (part: unknown) =>
    typeof part === 'string' && /^(?!0000)\d{4}-/.test(part) && z.iso.datetime().safeParse(part).success,
  uuid: (part: unknown) =>
    typeof part === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(part),
  key: (part: unknown) => Number.isInteger(part) && Number(part) >= 0 && Number(part) <= MAX_KEY,
  /** Where a row lies in its table, as Postgres writes it: "(page,line)". */
  place: (part: unknown) => typeof part === 'string' && /^\(\d{1,9},\d{1,4}\)$/.test(part),
};

/** Opaque to clients: the sort key of the last row, as base64url. */
export function encodeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** @throws InvalidCursorError unless the cursor holds values of these types, in this order. */
export function decodeCursor(cursor: string, types: readonly (keyof typeof FITS)[]): (string | number)[] {
  const key = parse(cursor);
  if (!Array.isArray(key) || key.length !== types.length || !types.every((type, i) => FITS[type](key[i]))) {
    throw new InvalidCursorError('cursor is not one that this list gave');
  }
  return key as (string | number)[];
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch (error) {
    throw new InvalidCursorError('cursor is not one that this list gave', { cause: error });
  }
}
