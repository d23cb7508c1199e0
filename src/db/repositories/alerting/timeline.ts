import { sql, type Kysely } from 'kysely';
import type { TimelineEntry } from '../../../domain/incidentDrafts.ts';

export async function writeTimeline(db: Kysely<object>, entries: readonly TimelineEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const column = <T>(of: (entry: TimelineEntry) => T): T[] => entries.map(of);
  await sql`
    insert into incident_events (incident_id, alert_id, kind, at, text, actor)
    select incident_id, alert_id, kind, at, text, actor from unnest(
      ${column(({ incidentId }) => incidentId)}::uuid[], ${column(({ alertId }) => alertId)}::uuid[],
      ${column(({ kind }) => kind)}::text[], ${column(({ at }) => new Date(at).toISOString())}::timestamptz[],
      ${column(({ text }) => text)}::text[], ${column(({ actor }) => actor)}::text[]
    ) with ordinality as e (incident_id, alert_id, kind, at, text, actor, place)
    order by place
  `.execute(db);
}
