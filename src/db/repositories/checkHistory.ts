import { sql, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { CheckResult } from '../../domain/check.ts';
import { failureClassOf, fromSmallint, kindOf, PASSED_CODE } from '../checkCodes.ts';
import type { Caller } from './clients.ts';
import { decodeCursor } from './cursor.ts';
import { pageOf, type Page } from './page.ts';

interface CheckFilter {
  /** Inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
  readonly ok?: boolean | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** A check as it is stored: what no table keeps (the certificate of that day) is absent. */
export type StoredCheck = Omit<CheckResult, 'certificateExpiresAt'>;

/** What has been seen of the targets of one client. */
export class CheckHistory {
  private readonly em: EntityManager;
  private readonly clientId: string;

  constructor(em: EntityManager, caller: Pick<Caller, 'clientId'>) {
    this.em = em;
    this.clientId = caller.clientId;
  }

  /**
   * Newest first.
   *
   * @returns an empty page for a target of somebody else
   * @throws InvalidCursorError
   */
  async list(targetId: string, filter: CheckFilter): Promise<Page<StoredCheck>> {
    const { rows } = await sql<CheckRow>`
      select ${CHECK_COLUMNS}
      from checks c
      left join check_failures f on f.target_key = c.target_key and f.scheduled_at = c.scheduled_at
      where c.target_key = ${this.keyOf(targetId)} and ${conditions(filter)}
      order by c.scheduled_at desc limit ${filter.limit + 1}
    `.execute(this.em.getKysely<object>());
    return pageOf(rows, {
      limit: filter.limit,
      toItem: toStoredCheck,
      keyOf: (row) => [row.scheduled_at_ms],
    });
  }

  private keyOf(targetId: string): RawBuilder<unknown> {
    return sql`(select key from http_targets where id = ${targetId} and client_id = ${this.clientId})`;
  }
}

function conditions(filter: CheckFilter): RawBuilder<unknown> {
  const all: RawBuilder<unknown>[] = [sql`true`];
  if (filter.from !== undefined) all.push(sql`c.scheduled_at >= ${filter.from}`);
  if (filter.to !== undefined) all.push(sql`c.scheduled_at < ${filter.to}`);
  if (filter.ok === true) all.push(sql`c.outcome = ${PASSED_CODE}`);
  if (filter.ok === false) all.push(sql`c.outcome <> ${PASSED_CODE}`);
  if (filter.cursor !== undefined) {
    const [before] = decodeCursor(filter.cursor, ['instant']);
    all.push(sql`c.scheduled_at < ${new Date(Number(before))}`);
  }
  return sql.join(all, sql` and `);
}

/** The columns of a stored check `c`, with its failure `f`; read them with `toStoredCheck`. */
export const CHECK_COLUMNS = sql`
  (extract(epoch from c.scheduled_at) * 1000)::float8 as scheduled_at_ms, c.started_after_ms, c.total_ms,
  c.status_code, c.dns_ms, c.tcp_ms, c.tls_ms, c.first_byte_ms, c.outcome, c.kind, f.error_message`;

export interface CheckRow {
  scheduled_at_ms: number;
  started_after_ms: number;
  total_ms: number;
  status_code: number;
  dns_ms: number;
  tcp_ms: number;
  tls_ms: number;
  first_byte_ms: number;
  outcome: string;
  kind: string;
  error_message: string | null;
}

export function toStoredCheck(row: CheckRow): StoredCheck {
  return {
    scheduledAt: row.scheduled_at_ms,
    kind: kindOf(row.kind),
    startedAt: row.scheduled_at_ms + row.started_after_ms,
    failureClass: failureClassOf(row.outcome),
    errorMessage: row.error_message,
    statusCode: fromSmallint(row.status_code),
    timings: {
      dnsMs: fromSmallint(row.dns_ms),
      tcpMs: fromSmallint(row.tcp_ms),
      tlsMs: fromSmallint(row.tls_ms),
      firstByteMs: fromSmallint(row.first_byte_ms),
      totalMs: row.total_ms,
    },
  };
}
