import type { EntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../../db/repositories/clients.ts';
import type { BatchToStore } from '../../db/repositories/ingestGroup.ts';
import { IngestRepository } from '../../db/repositories/ingests.ts';
import {
  MachineRegistry,
  TooManyMetricsError,
  TypeChangedError,
  type RegisteredMachine,
} from '../../db/repositories/machineRegistry.ts';
import type { MetricBatch } from '../../domain/metricBatch.ts';
import { unprocessable, type ApiError, type FieldIssue } from '../errors.ts';
import { fingerprintOf, ownIngestId, type Fingerprint } from './fingerprint.ts';
import type { KnownMachines } from './knownMachines.ts';
import { measuredAt } from './timing.ts';

/** A batch as it was sent, and where in the request it stood. */
export interface PostedBatch {
  readonly batch: MetricBatch;
  /** As the agent chose it, or null. */
  readonly ingestId: string | null;
  /** Of the batch: `["body"]`, or `["body", "batches", 3]`. */
  readonly loc: FieldIssue['loc'];
  /** Of the id. */
  readonly idLoc: FieldIssue['loc'];
}

/** A posted batch with its id, the agent's or one of ours. */
export interface NamedBatch extends PostedBatch {
  readonly ingestId: string;
  readonly fingerprint: Fingerprint;
}

export interface PreparedBatch {
  readonly ingestId: string;
  readonly machine: RegisteredMachine;
  readonly toStore: BatchToStore;
}

export interface PreparingContext {
  readonly em: EntityManager;
  readonly caller: Caller;
  /** When the request came, UTC milliseconds. */
  readonly receivedAt: number;
  readonly machines: KnownMachines;
}

export function named({ caller }: PreparingContext, posted: PostedBatch): NamedBatch {
  const ingestId = posted.ingestId ?? ownIngestId(caller.clientId, posted.batch);
  return { ...posted, ingestId, fingerprint: fingerprintOf(caller.clientId, ingestId, posted.batch) };
}

/**
 * Looks whether those batches of a request that hold something new may be registered: what is refused must leave
 * nothing behind.
 *
 * @throws ApiError 422
 */
export async function refuseUnfit(context: PreparingContext, posted: readonly NamedBatch[]): Promise<void> {
  const { em, caller, machines } = context;
  for (const one of posted) {
    if (machines.find(caller.clientId, one.batch) !== null) continue;
    const stored = await new IngestRepository(em).find(one.fingerprint.id);
    if (stored !== null && stored.content !== one.fingerprint.content)
      throw unprocessable([idTakenIssue(one)]);
    // A batch that comes alone is looked at when it is registered, and a registration that is refused is rolled back.
    if (posted.length > 1) await refusing(one, () => new MachineRegistry(em, caller).check(one.batch));
  }
}

/**
 * Finds the keys of the machine and the metrics of a batch, and makes those that are missing.
 *
 * @throws ApiError 422
 */
export async function prepareBatch(context: PreparingContext, posted: NamedBatch): Promise<PreparedBatch> {
  const { em, caller, machines, receivedAt } = context;
  const { batch, ingestId, fingerprint } = posted;
  let machine = machines.find(caller.clientId, batch);
  if (machine === null) {
    machine = await refusing(posted, () => new MachineRegistry(em, caller).register(batch));
    machines.remember(caller.clientId, machine);
  }
  const { key: machineKey, metrics } = machine;
  const samples = batch.metrics.map(({ name, value }) => {
    const metricKey = metrics.get(name)?.key;
    if (metricKey === undefined) throw new Error(`The metric ${name} was registered and is not known.`);
    return { metricKey, value };
  });
  const at = measuredAt(batch.sentAt, receivedAt);
  return { ingestId, machine, toStore: { ...fingerprint, machineKey, at, samples } };
}

export function idTakenIssue({ idLoc }: Pick<PostedBatch, 'idLoc'>): FieldIssue {
  const msg = 'This id was used for another batch already: give each batch an id of its own';
  return { loc: idLoc, msg, type: 'ingest_id_taken' };
}

/** @throws ApiError 422 where the registry refuses a batch */
async function refusing<T>(posted: PostedBatch, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refusalOf(error, posted) ?? error;
  }
}

function refusalOf(error: unknown, { batch, loc }: PostedBatch): ApiError | null {
  const { hostname } = batch.machine;
  if (error instanceof TooManyMetricsError) {
    const msg = `${hostname} would have more than ${error.limit} metrics: does a name hold something that changes, such as a time or an id?`;
    return unprocessable([{ loc: [...loc, 'metrics'], msg, type: 'too_many_metrics' }]);
  }
  if (!(error instanceof TypeChangedError)) return null;
  return unprocessable(
    error.changed.map(({ index, was }) => ({
      loc: [...loc, 'metrics', index, 'type'],
      msg: `Input should be '${was}', as it was before: the type of a metric of ${hostname} never changes, send it under another name`,
      type: 'metric_type_changed',
    })),
  );
}
