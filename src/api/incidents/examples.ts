export const INCIDENT_EXAMPLE = {
  id: '9d8c7b6a-5f4e-4d3c-8b2a-1f0e9d8c7b6a',
  incident_number: 12,
  title: 'shop is down: Connection refused by shop.example:443',
  description: '1 of 1 alert is open; not acknowledged',
  status: 'OPEN',
  severity: 'critical',
  type: 'http_target',
  is_flapping: false,
  alerts_count: 1,
  http_target_id: 'f47ac10b-58cc-4372-a567-0e02b2c3d479',
  machine_id: null,
  metric_instance_id: null,
  created_at: '2026-01-31T08:00:01.000Z',
  acknowledged_at: null,
  resolved_at: null,
};

export const TIMELINE_EXAMPLE = [
  { at: '2026-01-31T08:00:01.000Z', kind: 'opened', text: 'Incident #12 opened', actor: null },
  {
    at: '2026-01-31T08:00:01.000Z',
    kind: 'alert',
    text: 'shop is down: Connection refused by shop.example:443',
    actor: null,
  },
  {
    at: '2026-01-31T08:00:31.250Z',
    kind: 'notification',
    text: 'Told slack https://hooks.slack.com/… (opened)',
    actor: null,
  },
];

export const NOTE_EXAMPLE = {
  at: '2026-01-31T08:04:00.000Z',
  kind: 'note',
  text: 'the load balancer was restarted',
  actor: 'dev',
};
