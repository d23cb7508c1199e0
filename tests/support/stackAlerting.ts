import { z } from 'zod';
import type { StackClient } from './stackClient.ts';

// What API.md promises, written down from it and not from the code that is tested.

const Time = z.iso.datetime({ precision: 3 });
const Severity = z.enum(['info', 'warning', 'critical']);

const Alert = z.object({
  id: z.uuid(),
  machine_id: z.uuid().nullable(),
  metric_instance_id: z.uuid().nullable(),
  http_target_id: z.uuid().nullable(),
  status: z.enum(['FIRING', 'ACKNOWLEDGED', 'RESOLVED']),
  severity: Severity,
  message: z.string(),
  triggered_at: Time,
  resolved_at: Time.nullable(),
  machine: z.object({ hostname: z.string() }).nullable(),
  source: z.enum(['http_target', 'heartbeat', 'metric', 'certificate', 'monitor']),
  incident_id: z.uuid().nullable(),
  acknowledged_at: Time.nullable(),
  acknowledged_by: z.string().nullable(),
  temporal_url: z.url().nullable(),
});

const Incident = z.object({
  id: z.uuid(),
  title: z.string(),
  status: z.enum(['OPEN', 'RESOLVED']),
  severity: Severity,
  type: z.string(),
  incident_number: z.int(),
  created_at: Time,
  resolved_at: Time.nullable(),
  description: z.string(),
  is_flapping: z.boolean(),
  alerts_count: z.int(),
});

const IncidentDetail = Incident.extend({
  alerts: z.array(Alert),
  timeline: z.array(z.object({ at: Time, kind: z.string(), text: z.string(), actor: z.string().nullable() })),
});

const Notification = z.object({
  id: z.uuid(),
  client_id: z.guid(),
  incident_id: z.uuid().nullable(),
  alert_id: z.uuid().nullable(),
  provider: z.string(),
  recipient: z.string(),
  status: z.string(),
  severity: Severity,
  message: z.string(),
  error_message: z.string().nullable(),
  created_at: Time,
  sent_at: Time.nullable(),
  attempts: z.int(),
  channel_id: z.uuid().nullable(),
  event: z.string(),
});

/** Alerts, incidents and messages of a running stack, as its dev client sees them. */
export class StackAlerting {
  private readonly client: StackClient;

  constructor(client: StackClient) {
    this.client = client;
  }

  /** @returns its id */
  async createChannel(type: string, config: unknown): Promise<string> {
    const name = type === 'email' ? 'Mail' : type === 'slack' ? 'Slack' : 'Webhook';
    const { status, body } = await this.client.request('POST', '/channels', { type, name, config });
    if (status !== 201) throw new Error(`POST /channels answered ${status}: ${JSON.stringify(body)}`);
    return z.object({ id: z.uuid() }).parse(body).id;
  }

  async alerts(query = ''): Promise<z.infer<typeof Alert>[]> {
    return z.array(Alert).parse(await this.get(`/alerts?${query}`));
  }

  async incidents(query = ''): Promise<z.infer<typeof Incident>[]> {
    return z.array(Incident).parse(await this.get(`/incidents?${query}`));
  }

  async incident(id: string): Promise<z.infer<typeof IncidentDetail>> {
    return IncidentDetail.parse(await this.get(`/incidents/${id}`));
  }

  async notifications(query = ''): Promise<z.infer<typeof Notification>[]> {
    return z.array(Notification).parse(await this.get(`/notifications?${query}`));
  }

  private async get(path: string): Promise<unknown> {
    const { status, body } = await this.client.request('GET', path);
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }
}
