export const ALERT_EXAMPLE = {
  id: '1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d',
  source: 'http_target',
  status: 'FIRING',
  severity: 'critical',
  message: 'shop is down: Connection refused by shop.example:443',
  details: { subject: 'shop', failure_class: 'connect', consecutive_failures: 2 },
  http_target_id: 'f47ac10b-58cc-4372-a567-0e02b2c3d479',
  machine_id: null,
  metric_instance_id: null,
  machine: null,
  incident_id: '9d8c7b6a-5f4e-4d3c-8b2a-1f0e9d8c7b6a',
  triggered_at: '2026-01-31T08:00:01.000Z',
  acknowledged_at: null,
  acknowledged_by: null,
  acknowledgement_note: null,
  acknowledgement_expires_at: null,
  resolved_at: null,
  resolved_by: null,
  resolution: null,
  temporal_url:
    'http://localhost:8233/namespaces/default/workflows/http-target%2Ff47ac10b-58cc-4372-a567-0e02b2c3d479',
};

export const ACKNOWLEDGED_EXAMPLE = {
  ...ALERT_EXAMPLE,
  status: 'ACKNOWLEDGED',
  acknowledged_at: '2026-01-31T08:03:20.000Z',
  acknowledged_by: 'dev',
  acknowledgement_note: 'the shop is being moved',
  acknowledgement_expires_at: '2026-02-01T08:03:20.000Z',
};

export const RESOLVED_EXAMPLE = {
  ...ALERT_EXAMPLE,
  status: 'RESOLVED',
  resolved_at: '2026-01-31T08:05:00.000Z',
  resolved_by: 'dev',
  resolution: 'resolved by hand: known, will be taken down',
};
