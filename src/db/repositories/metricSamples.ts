import { sql, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import { timestamp } from '../sqlTime.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { toReading, type Metric, type MetricReading, type SampleColumns } from './metricRow.ts';

interface SampleFilter {
  /** UTC milliseconds. */
  readonly from: number;
  /** Excluded. */
  readonly to: number;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface StoredSample {
  readonly at: Date;
  readonly value: MetricReading;
}

interface SamplePage {
  readonly items: StoredSample[];
  readonly nextCursor: string | null;
}

interface SampleRow extends SampleColumns {
  at_exactly: string;
  /** Tells samples of one time apart; a sample stays where it was written. */
  place: string;
}

/** In these a text that hardly ever changes is looked for changes by one page: some 3 days of one every 30 s. */
const SAMPLES_A_PAGE_OF_CHANGES = 10_000;

const SAMPLE_COLUMNS = sql`
  to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at_exactly, ctid::text as place,
  num_value, bool_value, str_value`;

/** The single samples of metrics. */
export class MetricSamples {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /**
   * Oldest first.
   *
   * @throws InvalidCursorError
   */
  async list({ key }: Pick<Metric, 'key'>, filter: SampleFilter): Promise<SamplePage> {
    const { rows } = await sql<SampleRow>`
      select ${SAMPLE_COLUMNS} from metric_samples
      where ${within(key, filter)} and ${beyond(filter.cursor, sql`>`)}
      order by at, ctid limit ${filter.limit + 1}
    `.execute(this.em.getKysely<object>());
    const shown = rows.slice(0, filter.limit);
    return {
      items: shown.flatMap(toSample),
      nextCursor: rows.length > shown.length ? cursorOf(shown) : null,
    };
  }

  /**
   * The first sample of a span and each that differs from the one before, oldest first. A page looks at
   * 10,000 samples at most: it may hold few changes, or none, and still not be the last one.
   *
   * @throws InvalidCursorError
   */
  async changes({ key }: Pick<Metric, 'key'>, filter: SampleFilter): Promise<SamplePage> {
    const { rows } = await sql<SampleRow & { is_change: boolean; looked_at: number }>`
      select ${SAMPLE_COLUMNS}, is_change, looked_at
      from (
        select s.*, str_value is distinct from lag(str_value) over (order by at, ctid) as is_change,
          row_number() over (order by at, ctid) as number, (count(*) over ())::int as looked_at
        from (
          select at, ctid, num_value, bool_value, str_value from metric_samples
          where ${within(key, filter)} and ${beyond(filter.cursor, sql`>=`)}
          order by at, ctid limit ${SAMPLES_A_PAGE_OF_CHANGES}
        ) s
      ) s
      where is_change or number = looked_at
      order by at, ctid limit ${filter.limit + 2}
    `.execute(this.em.getKysely<object>());
    // The sample at the cursor is there to be compared with.
    const changes = rows.filter((row) => row.is_change && cursorOf([row]) !== filter.cursor);
    const shown = changes.slice(0, filter.limit);
    const [{ looked_at: lookedAt } = { looked_at: 0 }] = rows;
    const isLast = lookedAt < SAMPLES_A_PAGE_OF_CHANGES && changes.length === shown.length;
    const end = changes.length > shown.length ? shown : rows;
    return { items: shown.flatMap(toSample), nextCursor: isLast ? null : cursorOf(end) };
  }
}

function within(key: number, { from, to }: SampleFilter): RawBuilder<unknown> {
  return sql`metric_key = ${key} and at >= ${timestamp(from)} and at < ${timestamp(to)}`;
}

function beyond(cursor: string | undefined, operator: RawBuilder<unknown>): RawBuilder<unknown> {
  if (cursor === undefined) return sql`true`;
  const [at, place] = decodeCursor(cursor, ['time', 'place']);
  return sql`at >= ${at}::timestamptz and (at, ctid) ${operator} (${at}::timestamptz, ${place}::tid)`;
}

function cursorOf(rows: readonly SampleRow[]): string | null {
  const last = rows.at(-1);
  return last === undefined ? null : encodeCursor([last.at_exactly, last.place]);
}

function toSample(row: SampleRow): StoredSample[] {
  const value = toReading(row);
  return value === null ? [] : [{ at: new Date(row.at_exactly), value }];
}
