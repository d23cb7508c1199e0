import { z } from 'zod';
import { customIssue } from '../zodIssues.ts';
import { ingestIdField, machineField, MAX_METRICS, metricsField, sentAtField } from './fields.ts';

const MAX_BATCHES = 1_000;

/** Agents of other versions send other fields as well: these are ignored. */
export const IngestBody = z
  .object({ machine: machineField, metrics: metricsField, sent_at: sentAtField })
  .meta({ id: 'Ingest' });

export const IngestHeaders = z.strictObject({
  'x-ingest-id': ingestIdField
    .optional()
    .describe(
      'The same id again is stored once. Absent: a hash of client, host, sent_at and metrics; without sent_at every post is another one.',
    ),
});

const Batch = z
  .object({ ...IngestBody.shape, ingest_id: ingestIdField.nullish() })
  .meta({ id: 'IngestItem' });

export const IngestBatchBody = z
  .object({
    batches: z
      .array(Batch)
      .min(1)
      .max(MAX_BATCHES)
      .superRefine((batches, context) => {
        const metrics = batches.reduce((sum, batch) => sum + batch.metrics.length, 0);
        if (metrics <= MAX_METRICS) return;
        const message = `List should have at most ${MAX_METRICS} metrics in all, not ${metrics}: send fewer machines at once`;
        context.addIssue(customIssue('too_long', message));
      }),
  })
  .meta({ id: 'IngestBatch' });

export type SentBatch = z.output<typeof Batch>;

export const Ingested = z
  .strictObject({
    status: z.enum(['accepted', 'duplicate']),
    ingest_id: z.string(),
    machine_id: z.guid(),
    accepted: z.int().describe('How many metrics are stored under this id.'),
    duplicate: z.boolean(),
  })
  .meta({ id: 'Ingested' });

export const IngestedBatch = z.strictObject({ items: z.array(Ingested) });
