import pLimit from 'p-limit';
import { WatchedMachineRepository } from '../../db/repositories/watchedMachines.ts';
import { ingestMetrics, ingestTogether, type IngestServices } from '../commands/ingestMetrics.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { loggableError } from '../loggableError.ts';
import { defineRoute, type Route } from '../route.ts';
import { INGEST_BATCH_EXAMPLE, INGEST_EXAMPLE, INGESTED_EXAMPLE } from './examples.ts';
import { HeartbeatTeller } from './heartbeatTeller.ts';
import { createIngestQueue } from './ingestQueue.ts';
import { KnownMachines } from './knownMachines.ts';
import { presentIngested, toBatch } from './presenter.ts';
import { IngestBatchBody, IngestBody, Ingested, IngestedBatch, IngestHeaders } from './schema.ts';

/** 10,000 metrics with long names and values. */
const BODY_READING = { limitBytes: 8 * 1024 * 1024, gzip: true };
/** Of ten connections: single machines and people need the others. */
const TOGETHER_AT_ONCE = 2;

export function ingestRoutes(deps: ApiDependencies): Route[] {
  const services = createIngestServices(deps);
  const common = { tag: 'Ingest', protection: 'key', bodyReading: BODY_READING } as const;
  const duplicate = 'It was stored before; nothing is stored twice.';

  return [
    defineRoute({
      ...common,
      method: 'post',
      path: '/ingest/metrics',
      summary: 'Metrics of one machine',
      description:
        'For agents. Each post is a heartbeat of its machine as well, by the time at which the server receives it. A batch is stored as a whole or not at all, and once: send it with the same X-Ingest-Id until it is answered. Late values are stored at their time. A machine, or a metric, that is new is registered by the way.',
      headers: IngestHeaders,
      body: IngestBody,
      bodyExamples: { 'three metrics of web-01': INGEST_EXAMPLE },
      responses: {
        200: { description: duplicate, schema: Ingested },
        202: { description: 'Stored.', schema: Ingested, example: INGESTED_EXAMPLE },
      },
      async handler({ em, caller, headers, body }) {
        const ingested = await ingestMetrics(
          { em, caller, services },
          {
            batch: toBatch(body),
            ingestId: headers['x-ingest-id'] ?? null,
            loc: ['body'],
            idLoc: ['header', 'x-ingest-id'],
          },
        );
        return { status: ingested.isDuplicate ? 200 : 202, body: presentIngested(ingested) };
      },
    }),

    defineRoute({
      ...common,
      method: 'post',
      path: '/ingest/batch',
      summary: 'Metrics of many machines',
      description:
        'For relays. Each batch is what /ingest/metrics takes, with its id in ingest_id. All of them are stored, or none.',
      body: IngestBatchBody,
      bodyExamples: { 'two machines': INGEST_BATCH_EXAMPLE },
      responses: {
        200: { description: 'All of it was stored before.', schema: IngestedBatch },
        202: { description: 'Stored; what was stored before is told.', schema: IngestedBatch },
      },
      async handler({ em, caller, body }) {
        const posted = body.batches.map((batch, index) => ({
          batch: toBatch(batch),
          ingestId: batch.ingest_id ?? null,
          loc: ['body', 'batches', index],
          idLoc: ['body', 'batches', index, 'ingest_id'],
        }));
        const ingested = await ingestTogether({ em, caller, services }, posted);
        const isKnown = ingested.every(({ isDuplicate }) => isDuplicate);
        return { status: isKnown ? 200 : 202, body: { items: ingested.map(presentIngested) } };
      },
    }),
  ];
}

function createIngestServices(deps: ApiDependencies): IngestServices {
  const { orm, machineHeartbeats, ingestHealth: health, logger } = deps;
  return {
    health,
    queue: createIngestQueue(orm),
    together: pLimit(TOGETHER_AT_ONCE),
    machines: new KnownMachines(),
    teller: new HeartbeatTeller({
      find: (ids) => new WatchedMachineRepository(orm.em.fork()).findAll(ids),
      heartbeats: machineHeartbeats,
      onFault: (error) =>
        logger.warn({ error: loggableError(error) }, 'heartbeats were not told: left to the sweep'),
    }),
  };
}
