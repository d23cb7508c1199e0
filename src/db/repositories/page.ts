import { encodeCursor } from './cursor.ts';

/** Some rows of a list, and where the next ones begin; null on the last page. */
export interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

/**
 * A page of what was read.
 *
 * @param rows one more than there is room for, where there are more
 * @param options.keyOf what the list is sorted by; the cursor of the next page holds that of the last row
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  {
    limit,
    keyOf,
    toItem,
  }: {
    readonly limit: number;
    readonly keyOf: (row: Row) => readonly (string | number)[];
    readonly toItem: (row: Row) => Item;
  },
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return { items: shown.map(toItem), nextCursor: hasMore ? encodeCursor(keyOf(last)) : null };
}
