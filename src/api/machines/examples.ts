import { METRIC_STATUS_EXAMPLE } from '../metrics/examples.ts';

export const MACHINE_EXAMPLE = {
  id: '3b0f2f6e-6d0f-4b8e-9a54-1f0c9a7f4e21',
  hostname: 'web-01',
  os_type: 'linux',
  last_seen: '2026-01-31T08:00:00.012Z',
  is_active: true,
  status: 'UP',
  registered_at: '2026-01-01T00:00:00.000Z',
  unregistered_at: null,
  open_incidents_count: 0,
  metrics_count: 42,
  is_paused: false,
};

export const MACHINE_DETAIL_EXAMPLE = {
  machine: { ...MACHINE_EXAMPLE, os_version: 'Debian 13' },
  metrics: [METRIC_STATUS_EXAMPLE],
};
