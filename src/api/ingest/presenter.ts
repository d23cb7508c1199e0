import type { z } from 'zod';
import type { MetricBatch } from '../../domain/metricBatch.ts';
import type { IngestedBatch } from '../commands/ingestMetrics.ts';
import type { Ingested, SentBatch } from './schema.ts';

export function presentIngested({
  ingestId,
  machineId,
  metrics,
  isDuplicate,
}: IngestedBatch): z.output<typeof Ingested> {
  return {
    status: isDuplicate ? 'duplicate' : 'accepted',
    ingest_id: ingestId,
    machine_id: machineId,
    accepted: metrics,
    duplicate: isDuplicate,
  };
}

/** The other way round. */
export function toBatch({ machine, metrics, sent_at: sentAt }: Omit<SentBatch, 'ingest_id'>): MetricBatch {
  const { hostname, os, os_version: osVersion } = machine;
  return {
    machine: { hostname, os: os ?? null, osVersion: osVersion ?? null },
    metrics,
    sentAt: sentAt ?? null,
  };
}
