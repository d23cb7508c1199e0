/** Examples for the documentation. */
export const INGEST_EXAMPLE = {
  machine: { hostname: 'web-01', os: 'linux' },
  metrics: [
    { name: 'cpu_load', type: 'numeric', value: 0.42, unit: 'ratio' },
    { name: 'service_nginx_ok', type: 'boolean', value: true },
    { name: 'version', type: 'string', value: '1.0.0' },
  ],
  sent_at: '2026-01-31T08:00:00Z',
};

export const INGEST_BATCH_EXAMPLE = {
  batches: [
    { ingest_id: '11111111-1111-1111-1111-111111111111', ...INGEST_EXAMPLE },
    {
      ingest_id: '22222222-2222-2222-2222-222222222222',
      machine: { hostname: 'web-02', os: 'linux' },
      metrics: [{ name: 'disk_used_ratio[/var]', type: 'numeric', value: 0.61, unit: 'ratio' }],
      sent_at: '2026-01-31T08:00:00Z',
    },
  ],
};

export const INGESTED_EXAMPLE = {
  status: 'accepted',
  ingest_id: '11111111-1111-1111-1111-111111111111',
  machine_id: '5b0d2f2e-3c1b-4f2e-9a55-0c8e9f1d2a33',
  accepted: 3,
  duplicate: false,
} as const;
