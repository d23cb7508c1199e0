import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AlertSource, AlertStatus, Severity } from '../../domain/alert.ts';
import { timestamp } from '../sqlTime.ts';
import { inTransaction } from '../transaction.ts';
import { toAlert, type Alert, type AlertRow } from './alertRow.ts';
import { keyName, type Caller } from './clients.ts';
import { decodeCursor } from './cursor.ts';
import { pageOf, type Page } from './page.ts';

interface AlertFilter {
  readonly status?: AlertStatus | undefined;
  readonly severity?: Severity | undefined;
  readonly source?: AlertSource | undefined;
  readonly httpTargetId?: string | undefined;
  readonly machineId?: string | undefined;
  readonly incidentId?: string | undefined;
  /** The first moment, and the one after the last, at which they were triggered. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** What somebody says of an alert that he or she has seen. */
export interface Acknowledgement {
  readonly note: string | null;
  /** When it fires again; null for never. */
  readonly expiresAt: Date | null;
}

const SELECT_ALERT = sql`
  select a.id, a.client_id as "clientId", a.source, a.status, a.severity, a.message, a.details,
    a.http_target_id as "httpTargetId", a.machine_id as "machineId", a.metric_instance_id as "metricInstanceId",
    m.hostname, a.incident_id as "incidentId", a.triggered_at as "triggeredAt",
    a.acknowledged_at as "acknowledgedAt", a.acknowledged_by as "acknowledgedBy",
    a.acknowledgement_note as "acknowledgementNote", a.acknowledgement_expires_at as "acknowledgementExpiresAt",
    a.resolved_at as "resolvedAt", a.resolved_by as "resolvedBy", a.resolution,
    to_char(a.triggered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as triggered_at_exactly
  from alerts a left join machines m on m.id = a.machine_id`;

/** The alerts of one client; there is no way to ask for another's. */
export class AlertRepository {
  private readonly em: EntityManager;
  private readonly caller: Caller;

  constructor(em: EntityManager, caller: Caller) {
    this.em = em;
    this.caller = caller;
  }

  /**
   * @returns a page, the newest first, and the cursor of the next one
   * @throws InvalidCursorError
   */
  async list(filter: AlertFilter): Promise<Page<Alert>> {
    const { rows } = await sql<AlertRow>`
      ${SELECT_ALERT} where ${this.conditions(filter)}
      order by a.triggered_at desc, a.id desc limit ${filter.limit + 1}
    `.execute(this.em.getKysely<object>());
    return pageOf(rows, {
      limit: filter.limit,
      toItem: toAlert,
      keyOf: (row) => [row.triggered_at_exactly, row.id],
    });
  }

  /** Of an incident: those that are not resolved first, then the newest. */
  async ofIncident(incidentId: string, limit: number): Promise<readonly Alert[]> {
    const { rows } = await sql<AlertRow>`
      ${SELECT_ALERT} where a.client_id = ${this.caller.clientId} and a.incident_id = ${incidentId}
      order by a.status = 'resolved', a.triggered_at desc, a.id desc limit ${limit}
    `.execute(this.em.getKysely<object>());
    return rows.map(toAlert);
  }

  /**
   * Notes that somebody has seen an alert. Said again in the same words, it changes nothing.
   *
   * @param now UTC milliseconds
   * @returns the alert as it is now, resolved where that was earlier; null when it does not exist
   */
  acknowledge(id: string, { note, expiresAt }: Acknowledgement, now: number): Promise<Alert | null> {
    return this.change(id, 'acknowledged', now, (who) => {
      const expires = expiresAt === null ? sql`null::timestamptz` : timestamp(expiresAt.getTime());
      return sql`
        update alerts a set status = 'acknowledged', acknowledged_at = ${timestamp(now)}, acknowledged_by = ${who},
          acknowledgement_note = ${note}, acknowledgement_expires_at = ${expires}
        where a.id = ${id} and a.client_id = ${this.caller.clientId} and (a.status = 'firing' or (a.status = 'acknowledged'
          and (a.acknowledgement_note, a.acknowledgement_expires_at) is distinct from (${note}::text, ${expires})))`;
    });
  }

  /**
   * Ends an alert by hand. The same fault does not alert again until it has ended and come back.
   *
   * @param now UTC milliseconds
   * @returns the alert as it is now; null when it does not exist
   */
  resolve(id: string, note: string | null, now: number): Promise<Alert | null> {
    const resolution = note === null ? 'resolved by hand' : `resolved by hand: ${note}`;
    return this.change(
      id,
      'resolved',
      now,
      (who) => sql`
        update alerts a set status = 'resolved', resolved_by = ${who}, resolution = ${resolution}, is_told = false,
          resolved_at = greatest(a.triggered_at, ${timestamp(now)})
        where a.id = ${id} and a.client_id = ${this.caller.clientId} and a.status <> 'resolved'`,
    );
  }

  /** With the news of it, in one transaction; news only of what has changed. */
  private change(
    id: string,
    kind: 'acknowledged' | 'resolved',
    now: number,
    update: (who: RawBuilder<unknown>) => RawBuilder<unknown>,
  ): Promise<Alert | null> {
    return inTransaction(this.em, async (db) => {
      await sql`
        with changed as (${update(keyName(this.caller))} returning a.id, a.client_id)
        insert into alert_news (client_id, alert_id, kind, at)
        select client_id, id, ${kind}, ${timestamp(now)} from changed
      `.execute(db);
      return this.findIn(db, id);
    });
  }

  private async findIn(db: Kysely<object>, id: string): Promise<Alert | null> {
    const { rows } = await sql<AlertRow>`
      ${SELECT_ALERT} where a.id = ${id} and a.client_id = ${this.caller.clientId}
    `.execute(db);
    const [row] = rows;
    return row === undefined ? null : toAlert(row);
  }

  private conditions(filter: AlertFilter): RawBuilder<unknown> {
    const { from, to, cursor } = filter;
    const all: RawBuilder<unknown>[] = [sql`a.client_id = ${this.caller.clientId}`];
    for (const [column, value] of [
      ['a.status', filter.status],
      ['a.severity', filter.severity],
      ['a.source', filter.source],
      ['a.http_target_id', filter.httpTargetId],
      ['a.machine_id', filter.machineId],
      ['a.incident_id', filter.incidentId],
    ] as const) {
      if (value !== undefined) all.push(sql`${sql.ref(column)} = ${value}`);
    }
    if (from !== undefined) all.push(sql`a.triggered_at >= ${timestamp(from.getTime())}`);
    if (to !== undefined) all.push(sql`a.triggered_at < ${timestamp(to.getTime())}`);
    if (cursor !== undefined) {
      const [triggeredAt, id] = decodeCursor(cursor, ['time', 'uuid']);
      all.push(sql`(a.triggered_at, a.id) < (${triggeredAt}::timestamptz, ${id}::uuid)`);
    }
    return sql.join(all, sql` and `);
  }
}
