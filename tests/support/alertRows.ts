import { sql } from 'kysely';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { AlertSource, AlertStatus, Severity } from '../../src/domain/alert.ts';

interface AlertOptions {
  readonly clientId: string;
  readonly source?: AlertSource;
  readonly status?: AlertStatus;
  readonly severity?: Severity;
  readonly message?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly httpTargetId?: string | null;
  readonly machineId?: string | null;
  readonly incidentId?: string | null;
  /** ISO 8601, to the microsecond where that matters. */
  readonly triggeredAt?: string;
}

interface IncidentOptions {
  readonly clientId: string;
  readonly number?: number;
  readonly status?: 'open' | 'resolved';
  readonly severity?: Severity;
  /** ISO 8601. */
  readonly openedAt?: string;
  readonly alertsCount?: number;
  readonly isFlapping?: boolean;
}

/** Alerts and incidents as a test wants them, and what is told of them. */
export class AlertRows {
  private readonly orm: MikroORM;

  constructor(orm: MikroORM) {
    this.orm = orm;
  }

  /** By default one of a target that is firing, in no incident. @returns its id */
  async insert(options: AlertOptions): Promise<string> {
    const { clientId, source = 'http_target', status = 'firing', severity = 'critical' } = options;
    const { message = 'shop is down', details = { subject: 'shop' } } = options;
    const { httpTargetId = null, machineId = null, incidentId = null } = options;
    const triggeredAt = options.triggeredAt ?? new Date().toISOString();
    const id = crypto.randomUUID();
    await sql`
      insert into alerts (id, client_id, source, source_id, episode, status, severity, message, details, http_target_id,
        machine_id, incident_id, triggered_at, resolved_at, resolution)
      values (${id}, ${clientId}, ${source}, ${httpTargetId ?? machineId ?? crypto.randomUUID()}, 1, ${status},
        ${severity}, ${message}, ${JSON.stringify(details)}::jsonb, ${httpTargetId}, ${machineId}, ${incidentId},
        ${triggeredAt}::timestamptz,
        case when ${status} = 'resolved' then ${triggeredAt}::timestamptz + interval '1 minute' end,
        case when ${status} = 'resolved' then 'it answers again' end)
    `.execute(this.db());
    return id;
  }

  /** By default one that is open. @returns its id */
  async insertIncident(options: IncidentOptions): Promise<string> {
    const { clientId, number = 1, status = 'open', severity = 'critical' } = options;
    const { openedAt = new Date().toISOString(), alertsCount = 1, isFlapping = false } = options;
    const id = crypto.randomUUID();
    await sql`
      insert into incidents (id, client_id, incident_number, title, type, severity, status, alerts_count, is_flapping,
        opened_at, active_since, last_change_at, resolved_at)
      values (${id}, ${clientId}, ${number}, 'shop is down', 'http_target', ${severity}, ${status}, ${alertsCount},
        ${isFlapping}, ${openedAt}::timestamptz, ${openedAt}::timestamptz, ${openedAt}::timestamptz,
        case when ${status} = 'resolved' then ${openedAt}::timestamptz + interval '1 minute' end)
    `.execute(this.db());
    return id;
  }

  /** Of its timeline. */
  async insertEvents(incidentId: string, events: readonly { at: string; text: string }[]): Promise<void> {
    await sql`
      insert into incident_events (incident_id, kind, at, text)
      select ${incidentId}::uuid, 'alert', at, text
      from jsonb_to_recordset(${JSON.stringify(events)}::jsonb) as e (at timestamptz, text text)
    `.execute(this.db());
  }

  private db() {
    return this.orm.em.fork().getKysely<object>();
  }
}
