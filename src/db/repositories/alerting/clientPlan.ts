import { sql, type Kysely } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { ClientOutlook } from '../../../domain/clientOutlook.ts';
import { AT_ONCE_PER_CHANNEL, type PlannedDelivery } from '../../../domain/deliveryQueue.ts';
import { nextMessage, quietAt, REOPEN_WITHIN_MS, settled, withNews } from '../../../domain/incident.ts';
import { IncidentDrafts, type AlertNews } from '../../../domain/incidentDrafts.ts';
import { incidentTitle } from '../../../domain/incidentWords.ts';
import { NO_FAULTS, type ReachFaultPoint } from '../../../faultPoints.ts';
import { inTransaction } from '../../transaction.ts';
import { timestamp } from '../../sqlTime.ts';
import { deleteNews, readNews } from './alertNews.ts';
import { readClientAlerting, type AlertingDefaults, type ClientAlerting } from './clientAlerting.ts';
import { dueMessages, nextEscalation } from './dueMessages.ts';
import {
  assignAlerts,
  countAlerts,
  lastIncidentNumber,
  readIncidents,
  writeIncidents,
  type CountedIncident,
} from './incidentRows.ts';
import { makeMessages, type RunUrl } from './messages.ts';
import { writeTimeline } from './timeline.ts';

/** What of the news is worked on in one transaction. */
const NEWS_AT_ONCE = 5_000;
/** Messages of each channel that are handed to the workflow at once: as many again as it sends. */
const DELIVERIES_PER_CHANNEL = 2 * AT_ONCE_PER_CHANNEL;

/** What is to be done for a client now, and when it has to be looked at again. */
interface ClientPlan extends ClientOutlook {
  /** UTC milliseconds; null until there is news. */
  readonly nextAt: number | null;
}

interface ClientPlanOptions {
  readonly defaults: AlertingDefaults;
  readonly runUrl: RunUrl;
  readonly reach?: ReachFaultPoint;
}

/**
 * Makes incidents of what has happened to the alerts of a client, and messages of what people have to hear. All of it is
 * one transaction under a lock of the client: it may be repeated, run twice at once, or die anywhere.
 */
export class ClientPlanRepository {
  private readonly em: EntityManager;
  private readonly options: ClientPlanOptions;

  constructor(em: EntityManager, options: ClientPlanOptions) {
    this.em = em;
    this.options = options;
  }

  /** @param now UTC milliseconds */
  async plan(clientId: string, now: number): Promise<ClientPlan> {
    const reach = this.options.reach ?? NO_FAULTS;
    const { hasWorked, ...plan } = await inTransaction(this.em, async (db) => {
      await sql`select pg_advisory_xact_lock(hashtext('incidents'), hashtext(${clientId}))`.execute(db);
      const alerting = await readClientAlerting(db, clientId, this.options.defaults);
      const { ids, news } = await readNews(db, clientId, NEWS_AT_ONCE);
      const drafts = await this.drafts(db, clientId, alerting, news, now);
      drafts.work(news);
      // Alerts refer to incidents, so those that are new come first.
      await writeIncidents(db, clientId, drafts.allChanged());
      // The only place that waits for whoever turns these alerts, while it holds none.
      await assignAlerts(db, drafts.incidentOfAlert);
      await endAcknowledgements(db, clientId, drafts, now);
      const counted = await this.settle(db, drafts, alerting, now);
      const due = await dueMessages(db, {
        ...{ clientId, drafts, alerting, counted, now, runUrl: this.options.runUrl },
      });
      await makeMessages(db, clientId, due, now);
      const nextEscalationAt = await nextEscalation(db, drafts, alerting);
      await writeIncidents(db, clientId, drafts.allChanged());
      await writeTimeline(db, drafts.timeline);
      await deleteNews(db, ids);
      const isMoreNews = ids.length === NEWS_AT_ONCE;
      const hasWorked = due.length > 0;
      if (hasWorked) reach('plan.beforeCommit');
      const times = [
        ...drafts
          .all()
          .flatMap((incident) => [nextMessage(incident, alerting.rules)?.at ?? null, quietAt(incident)]),
        ...[nextEscalationAt, await nextExpiry(db, clientId), isMoreNews ? now : null],
      ].filter((at) => at !== null);
      return {
        ...(await outlook(db, clientId)),
        hasWorked,
        nextAt: times.length === 0 ? null : Math.max(now, Math.min(...times)),
      };
    });
    if (hasWorked) reach('plan.committed');
    return plan;
  }

  private async drafts(
    db: Kysely<object>,
    clientId: string,
    { rules }: ClientAlerting,
    news: readonly AlertNews[],
    now: number,
  ): Promise<IncidentDrafts> {
    const named = news.flatMap(({ alert: { incidentId, before } }) =>
      [incidentId, before?.incidentId ?? null].filter((id) => id !== null),
    );
    const incidents = await readIncidents(db, clientId, {
      changedAfter: now - REOPEN_WITHIN_MS,
      ids: [...new Set(named)],
    });
    const lastNumber = await lastIncidentNumber(db, clientId);
    return new IncidentDrafts({ incidents, lastNumber, rules, now, newId: () => crypto.randomUUID() });
  }

  /** Looks at the alerts of every incident that may end, or that something is to be said about. */
  private async settle(
    db: Kysely<object>,
    drafts: IncidentDrafts,
    { rules }: ClientAlerting,
    now: number,
  ): Promise<ReadonlyMap<string, CountedIncident>> {
    const isDue = (at: number | null | undefined) => at !== null && at !== undefined && at <= now;
    const ids = drafts
      .all()
      .filter(
        (incident) =>
          drafts.touched.has(incident.id) ||
          isDue(quietAt(incident)) ||
          isDue(nextMessage(incident, rules)?.at),
      )
      .map(({ id }) => id);
    const counted = await countAlerts(db, ids);
    for (const [id, counts] of counted) {
      const incident = drafts.get(id);
      if (incident === undefined) continue;
      const title = incidentTitle({ ...counts, counts });
      drafts.put(settled(title === incident.title ? incident : { ...incident, title }, counts, now));
    }
    return counted;
  }
}

/** Acknowledgements that were given for a time are over with it: people have to hear that it is still firing. */
async function endAcknowledgements(
  db: Kysely<object>,
  clientId: string,
  drafts: IncidentDrafts,
  now: number,
): Promise<void> {
  const { rows } = await sql<{ id: string; incident_id: string | null; subject: string; by: string | null }>`
    with over as materialized (
      select id, acknowledged_by from alerts
      where client_id = ${clientId} and status = 'acknowledged' and acknowledgement_expires_at <= ${timestamp(now)}
      for no key update skip locked
    )
    update alerts a set status = 'firing', acknowledged_at = null, acknowledged_by = null, acknowledgement_note = null,
      acknowledgement_expires_at = null, is_told = false
    from over where a.id = over.id
    returning a.id, a.incident_id, coalesce(a.details ->> 'subject', a.message) as subject, over.acknowledged_by as by
  `.execute(db);
  for (const { id, incident_id: incidentId, subject, by } of rows) {
    const incident = incidentId === null ? undefined : drafts.get(incidentId);
    if (incident === undefined) continue;
    const text = `${subject}: the acknowledgement${by === null ? '' : ` of ${by}`} has run out`;
    drafts.note({ incidentId: incident.id, alertId: id, kind: 'acknowledged', at: now, text, actor: null });
    drafts.touched.add(incident.id);
    drafts.put(withNews({ ...incident, acknowledgedAt: null }, now));
  }
}

async function nextExpiry(db: Kysely<object>, clientId: string): Promise<number | null> {
  const { rows } = await sql<{ at: number | null }>`
    select (extract(epoch from min(acknowledgement_expires_at)) * 1000)::float8 as at
    from alerts where client_id = ${clientId} and status = 'acknowledged' and acknowledgement_expires_at is not null
  `.execute(db);
  return rows[0]?.at ?? null;
}

async function outlook(db: Kysely<object>, clientId: string): Promise<ClientOutlook> {
  const { rows: deliveries } = await sql<PlannedDelivery>`
    select n.id as "notificationId", n.channel_key as "channelKey", n.incident_id as "incidentId",
      n.provider || ': ' || n.event || coalesce(' #' || i.incident_number, '') as words
    from (
      select *, row_number() over (partition by channel_key order by created_at, id) as place
      from notifications where client_id = ${clientId} and status = 'pending'
    ) n left join incidents i on i.id = n.incident_id
    where n.place <= ${DELIVERIES_PER_CHANNEL}
    order by n.created_at, n.id
  `.execute(db);
  const { rows } = await sql<{
    incidents: number;
    alerts: number;
    pending: number;
    last_error: string | null;
  }>`
    select
      (select count(*)::int from incidents where client_id = ${clientId} and status = 'open') as incidents,
      (select count(*)::int from alerts where client_id = ${clientId} and status <> 'resolved') as alerts,
      (select count(*)::int from notifications where client_id = ${clientId} and status = 'pending') as pending,
      (select error_message from notifications where client_id = ${clientId} and status = 'pending'
        and error_message is not null order by attempt_ended_at desc limit 1) as last_error
  `.execute(db);
  const [row] = rows;
  const pendingNotifications = row?.pending ?? 0;
  return {
    deliveries,
    hasMore: deliveries.length < pendingNotifications,
    openIncidents: row?.incidents ?? 0,
    openAlerts: row?.alerts ?? 0,
    pendingNotifications,
    lastError: row?.last_error ?? null,
  };
}
