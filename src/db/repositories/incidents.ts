import { sql, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AlertSource, Severity } from '../../domain/alert.ts';
import { timestamp } from '../sqlTime.ts';
import { keyName, type Caller } from './clients.ts';
import { decodeCursor } from './cursor.ts';
import { pageOf, type Page } from './page.ts';

export const INCIDENT_STATUSES = ['open', 'resolved'] as const;
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];

/** An incident as its owner sees it. */
export interface Incident {
  readonly id: string;
  readonly number: number;
  readonly title: string;
  /** The source of its alerts. */
  readonly type: AlertSource | 'mixed';
  readonly status: IncidentStatus;
  readonly severity: Severity;
  readonly isFlapping: boolean;
  readonly alertsCount: number;
  readonly openAlertsCount: number;
  /** Where all its alerts are about one. */
  readonly httpTargetId: string | null;
  readonly machineId: string | null;
  readonly metricInstanceId: string | null;
  readonly openedAt: Date;
  readonly acknowledgedAt: Date | null;
  readonly resolvedAt: Date | null;
}

/** Something that happened in an incident. */
export interface TimelineEvent {
  readonly at: Date;
  readonly kind: string;
  readonly text: string;
  /** Who did it; null for what happened by itself. */
  readonly actor: string | null;
}

interface IncidentFilter {
  readonly status?: IncidentStatus | undefined;
  readonly severity?: Severity | undefined;
  /** The first moment, and the one after the last, at which they were opened. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Timestamps come as text. */
type IncidentRow = Omit<Incident, 'openedAt' | 'acknowledgedAt' | 'resolvedAt'> & {
  openedAt: string;
  acknowledgedAt: string | null;
  resolvedAt: string | null;
};

const SELECT_INCIDENT = sql`
  select i.id, i.incident_number as number, i.title, i.type, i.status, i.severity, i.is_flapping as "isFlapping",
    i.alerts_count as "alertsCount", i.http_target_id as "httpTargetId", i.machine_id as "machineId",
    i.metric_instance_id as "metricInstanceId", i.opened_at as "openedAt", i.acknowledged_at as "acknowledgedAt",
    i.resolved_at as "resolvedAt",
    (select count(*)::int from alerts a where a.incident_id = i.id and a.status <> 'resolved') as "openAlertsCount"
  from incidents i`;

/** The incidents of one client; there is no way to ask for another's. */
export class IncidentRepository {
  private readonly em: EntityManager;
  private readonly caller: Caller;

  constructor(em: EntityManager, caller: Caller) {
    this.em = em;
    this.caller = caller;
  }

  /**
   * @returns a page, the one with the highest number first, and the cursor of the next one
   * @throws InvalidCursorError
   */
  async list(filter: IncidentFilter): Promise<Page<Incident>> {
    const { rows } = await sql<IncidentRow>`
      ${SELECT_INCIDENT} where ${this.conditions(filter)} order by i.incident_number desc limit ${filter.limit + 1}
    `.execute(this.em.getKysely<object>());
    return pageOf(rows, { limit: filter.limit, toItem: toIncident, keyOf: (row) => [row.number] });
  }

  async find(id: string): Promise<Incident | null> {
    const { rows } = await sql<IncidentRow>`
      ${SELECT_INCIDENT} where i.id = ${id} and i.client_id = ${this.caller.clientId}
    `.execute(this.em.getKysely<object>());
    const [row] = rows;
    return row === undefined ? null : toIncident(row);
  }

  /** The last events of an incident of this client, in the order in which they happened, and how many there are in all. */
  async timeline(id: string, limit: number): Promise<{ events: readonly TimelineEvent[]; total: number }> {
    const { rows } = await sql<Omit<TimelineEvent, 'at'> & { at: string; total: number }>`
      select at, kind, text, actor, count(*) over ()::int as total
      from incident_events where incident_id = ${id} order by at desc, id desc limit ${limit}
    `.execute(this.em.getKysely<object>());
    return {
      events: rows.map(({ total: _, at, ...event }) => ({ ...event, at: new Date(at) })).reverse(),
      total: rows[0]?.total ?? 0,
    };
  }

  /**
   * Writes a note into the timeline.
   *
   * @param now UTC milliseconds
   * @returns null when there is no such incident
   */
  async addNote(id: string, text: string, now: number): Promise<TimelineEvent | null> {
    const { rows } = await sql<{ actor: string | null }>`
      insert into incident_events (incident_id, kind, at, text, actor)
      select id, 'note', ${timestamp(now)}, ${text}, ${keyName(this.caller)}
      from incidents where id = ${id} and client_id = ${this.caller.clientId}
      returning actor
    `.execute(this.em.getKysely<object>());
    const [row] = rows;
    return row === undefined ? null : { at: new Date(now), kind: 'note', text, actor: row.actor };
  }

  private conditions({ status, severity, from, to, cursor }: IncidentFilter): RawBuilder<unknown> {
    const all: RawBuilder<unknown>[] = [sql`i.client_id = ${this.caller.clientId}`];
    if (status !== undefined) all.push(sql`i.status = ${status}`);
    if (severity !== undefined) all.push(sql`i.severity = ${severity}`);
    if (from !== undefined) all.push(sql`i.opened_at >= ${timestamp(from.getTime())}`);
    if (to !== undefined) all.push(sql`i.opened_at < ${timestamp(to.getTime())}`);
    if (cursor !== undefined) {
      const [number] = decodeCursor(cursor, ['key']);
      all.push(sql`i.incident_number < ${number}`);
    }
    return sql.join(all, sql` and `);
  }
}

function toIncident(row: IncidentRow): Incident {
  const { acknowledgedAt, resolvedAt } = row;
  return {
    ...row,
    openedAt: new Date(row.openedAt),
    acknowledgedAt: acknowledgedAt === null ? null : new Date(acknowledgedAt),
    resolvedAt: resolvedAt === null ? null : new Date(resolvedAt),
  };
}
