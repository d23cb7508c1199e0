import { sql, type Kysely } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AlertSource } from '../../../domain/alert.ts';
import { inTransaction } from '../../transaction.ts';
import { ALERTED, type AlertScope } from './alertSources.ts';

/** What a comparison has changed. */
interface SyncedAlerts {
  readonly opened: number;
  readonly changed: number;
  readonly resolved: number;
}

/** Compares all alerts with their sources, one source in a transaction. */
export class AlertSyncRepository {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  sync(source: AlertSource): Promise<SyncedAlerts> {
    return inTransaction(this.em, (db) => syncAlerts(db, source, null));
  }
}

/**
 * Brings the alerts of a source in line with its rows: opens what is missing, resolves what is over, and puts each such
 * change into `alert_news`. Called at the end of the transaction that changed those rows, so that an alert is there if and
 * only if its fault is; may run twice and at once.
 *
 * @param scope keys of the targets, machines or metrics that have changed; null compares all
 */
export async function syncAlerts(
  db: Kysely<object>,
  source: AlertSource,
  scope: AlertScope,
): Promise<SyncedAlerts> {
  if (scope?.length === 0) return { opened: 0, changed: 0, resolved: 0 };
  const { faults, endings } = ALERTED[source](scope);
  // One after the other: a source has one open alert at most, so the old one goes first. Rows are locked in the order of
  // their ids, so that transactions that turn the same ones wait for each other, and not in a circle.
  const resolved = await sql`
    with over as (${endings}), locked as materialized (
      select a.id from alerts a where a.id in (select alert_id from over) and a.status <> 'resolved'
      order by a.id for no key update
    ), changed as (
      update alerts a set status = 'resolved', resolution = o.resolution, is_told = false,
        withdrawn_at = case when o.is_withdrawn then now() end,
        resolved_at = greatest(a.triggered_at, coalesce(o.ended_at, now()))
      from over o join locked l on l.id = o.alert_id where a.id = l.id and a.status <> 'resolved'
      returning a.id, a.client_id
    )
    insert into alert_news (client_id, alert_id, kind) select client_id, id, 'resolved' from changed
  `.execute(db);
  const changed = await sql`
    with faults as (${faults}), worse as (
      select a.id, f.* from faults f join alerts a on a.source = ${source} and a.source_id = f.source_id
        and a.episode = f.episode and a.status <> 'resolved'
        and (a.severity, a.stage) is distinct from (f.severity, f.stage)
    ), locked as materialized (
      select a.id from alerts a where a.id in (select id from worse) order by a.id for no key update
    ), changed as (
      update alerts a set severity = f.severity, stage = f.stage, message = f.message, details = f.details,
        is_told = false
      from worse f join locked l on l.id = f.id
      where a.id = l.id and a.status <> 'resolved' and (a.severity, a.stage) is distinct from (f.severity, f.stage)
      returning a.id, a.client_id
    )
    insert into alert_news (client_id, alert_id, kind) select client_id, id, 'changed' from changed
  `.execute(db);
  const opened = await sql`
    with faults as (${faults}), opened as (
      insert into alerts (client_id, source, source_id, episode, stage, severity, message, details, http_target_id,
        machine_id, metric_instance_id, triggered_at)
      select client_id, ${source}, source_id, episode, stage, severity, message, details, http_target_id,
        machine_id, metric_instance_id, coalesce(since, now())
      from faults f
      where not exists (select from alerts a where a.source = ${source} and a.source_id = f.source_id
        and a.episode = f.episode and a.stage >= f.stage and a.withdrawn_at is null)
      order by source_id
      on conflict do nothing
      returning id, client_id
    )
    insert into alert_news (client_id, alert_id, kind) select client_id, id, 'opened' from opened
  `.execute(db);
  return {
    opened: Number(opened.numAffectedRows ?? 0),
    changed: Number(changed.numAffectedRows ?? 0),
    resolved: Number(resolved.numAffectedRows ?? 0),
  };
}
