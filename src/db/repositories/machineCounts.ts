import { sql } from 'kysely';

/** How many metrics machine `m` has, and how many open incidents have an open alert about it or one of them. */
export const MACHINE_COUNTS = sql`
  select (select count(*)::int from metric_instances i where i.machine_key = m.key) as metrics_count,
    (select count(distinct coalesce(a.incident_id, a.id))::int from alerts a
      where a.machine_id = m.id and a.status <> 'resolved') as open_incidents_count`;
