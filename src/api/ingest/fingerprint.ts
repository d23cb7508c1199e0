import { createHash, randomUUID } from 'node:crypto';
import type { MetricBatch } from '../../domain/metricBatch.ts';

/** What a batch is recognised by. Both are UUID-shaped hashes, 16 bytes in the database. */
export interface Fingerprint {
  /** Of the client and the id that it chose: one such batch is stored. */
  readonly id: string;
  /** Of what the batch says: under the same id it has to be the same. */
  readonly content: string;
}

export function fingerprintOf(clientId: string, ingestId: string, batch: MetricBatch): Fingerprint {
  return { id: hash([clientId, ingestId]), content: hash(contentOf(batch)) };
}

/** The id of a batch whose agent chose none. What says no time either may well come twice, and is two batches. */
export function ownIngestId(clientId: string, batch: MetricBatch): string {
  return batch.sentAt === null ? randomUUID() : hash([clientId, contentOf(batch)]);
}

/** In an order of its own, so that the order of the fields in the request does not matter. */
function contentOf({ machine, metrics, sentAt }: MetricBatch): unknown {
  const values = metrics.map(({ name, type, value, unit }) => [name, type, value, unit]);
  return [machine.hostname.toLowerCase(), machine.os, machine.osVersion, sentAt, values];
}

function hash(value: unknown): string {
  const hex = createHash('sha256').update(JSON.stringify(value)).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
