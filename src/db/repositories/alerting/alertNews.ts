import { sql, type Kysely } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AlertSource, AlertStatus, Severity } from '../../../domain/alert.ts';
import type { AlertNews } from '../../../domain/incidentDrafts.ts';

/** What a worker has told and nobody has taken is told again after this long. */
const TELL_AGAIN_SECONDS = 5;

/** Who tells the workflows of clients that something has happened. */
export class AlertNewsRepository {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /** The clients whose workflows have to be told now; each is given to one caller, until it has had time to tell. */
  async takeClientsToTell(): Promise<string[]> {
    const { rows } = await sql<{ client_id: string }>`
      with due as (
        select id from alert_news
        where told_at is null or told_at < now() - ${TELL_AGAIN_SECONDS} * interval '1 second'
        order by id for update skip locked
      ), taken as (
        update alert_news n set told_at = now() from due where n.id = due.id returning n.client_id
      )
      select distinct client_id from taken
    `.execute(this.em.getKysely<object>());
    return rows.map(({ client_id: clientId }) => clientId);
  }

  /** Clients for whom something is open, waiting or being sent: their workflows have to run. */
  async clientsAtWork(): Promise<string[]> {
    const { rows } = await sql<{ client_id: string }>`
      select client_id from incidents where status = 'open' or untold_since is not null
      union select client_id from notifications where status = 'pending'
      union select client_id from alert_news
    `.execute(this.em.getKysely<object>());
    return rows.map(({ client_id: clientId }) => clientId);
  }
}

/** What is to become part of a client's incidents, in the order in which it happened. */
export async function readNews(
  db: Kysely<object>,
  clientId: string,
  limit: number,
): Promise<{ readonly ids: readonly string[]; readonly news: readonly AlertNews[] }> {
  const { rows } = await sql<NewsRow>`
    select n.id, n.kind, (extract(epoch from n.at) * 1000)::float8 as at,
      a.id as alert_id, a.source, a.source_id, a.severity, a.status, a.message,
      coalesce(a.details ->> 'subject', a.message) as subject,
      (extract(epoch from a.triggered_at) * 1000)::float8 as triggered_at,
      (extract(epoch from a.resolved_at) * 1000)::float8 as resolved_at,
      a.resolution, a.resolved_by, a.acknowledged_by, a.acknowledgement_note, a.incident_id,
      b.incident_id as before_incident_id, (extract(epoch from b.resolved_at) * 1000)::float8 as before_resolved_at,
      (select count(*)::int from alerts q where q.source = a.source and q.source_id = a.source_id
        and q.incident_id = b.incident_id) as alerts_of_source
    from alert_news n left join alerts a on a.id = n.alert_id
    left join lateral (
      select p.incident_id, p.resolved_at from alerts p
      where n.kind = 'opened' and p.source = a.source and p.source_id = a.source_id and p.id <> a.id
        and p.status = 'resolved' and (p.episode, p.stage) <= (a.episode, a.stage)
      order by p.episode desc, p.stage desc, p.resolved_at desc limit 1
    ) b on true
    where n.client_id = ${clientId}
    order by n.id limit ${limit}
  `.execute(db);
  return { ids: rows.map(({ id }) => id), news: rows.flatMap(toNews) };
}

/** Call it in the transaction that made incidents of them. */
export async function deleteNews(db: Kysely<object>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`delete from alert_news where id = any(${[...ids]}::bigint[])`.execute(db);
}

interface NewsRow {
  id: string;
  kind: AlertNews['kind'] | 'configured';
  at: number;
  /** All that follows is null where the news is of no alert. */
  alert_id: string | null;
  source: AlertSource;
  source_id: string;
  severity: Severity;
  status: AlertStatus;
  message: string;
  subject: string;
  triggered_at: number;
  resolved_at: number | null;
  resolution: string | null;
  resolved_by: string | null;
  acknowledged_by: string | null;
  acknowledgement_note: string | null;
  incident_id: string | null;
  before_incident_id: string | null;
  before_resolved_at: number | null;
  alerts_of_source: number;
}

function toNews(row: NewsRow): AlertNews[] {
  if (row.alert_id === null || row.kind === 'configured') return [];
  const { before_incident_id: beforeId, before_resolved_at: beforeResolvedAt } = row;
  return [
    {
      kind: row.kind,
      at: row.at,
      alert: {
        ...{ id: row.alert_id, source: row.source, sourceId: row.source_id, severity: row.severity },
        ...{ status: row.status, message: row.message, subject: row.subject, resolution: row.resolution },
        triggeredAt: row.triggered_at,
        resolvedAt: row.resolved_at,
        resolvedBy: row.resolved_by,
        acknowledgedBy: row.acknowledged_by,
        note: row.acknowledgement_note,
        incidentId: row.incident_id,
        before:
          beforeId === null || beforeResolvedAt === null
            ? null
            : { incidentId: beforeId, resolvedAt: beforeResolvedAt, alertsOfSource: row.alerts_of_source },
      },
    },
  ];
}
