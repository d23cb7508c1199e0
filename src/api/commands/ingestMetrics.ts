import type { EntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../../db/repositories/clients.ts';
import { QueueFullError } from '../../db/groupCommit.ts';
import { IngestRefusedError, IngestRepository, type IngestOutcome } from '../../db/repositories/ingests.ts';
import type { BatchToStore } from '../../db/repositories/ingestGroup.ts';
import {
  MachineRegistry,
  TooManyMetricsError,
  TypeChangedError,
  type RegisteredMachine,
} from '../../db/repositories/machineRegistry.ts';
import type { MetricBatch } from '../../domain/metricBatch.ts';
import { unavailable, unprocessable, type FieldIssue } from '../errors.ts';
import { fingerprintOf, ownIngestId } from '../ingest/fingerprint.ts';
import type { HeartbeatTeller } from '../ingest/heartbeatTeller.ts';
import type { IngestQueue } from '../ingest/ingestQueue.ts';
import type { KnownMachines } from '../ingest/knownMachines.ts';
import { measuredAt, sentAtIssue } from '../ingest/timing.ts';

/** What ingest keeps in memory; one for each API process. */
export interface IngestServices {
  readonly queue: IngestQueue;
  readonly machines: KnownMachines;
  readonly teller: HeartbeatTeller;
}

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

export interface IngestedBatch {
  readonly ingestId: string;
  readonly machineId: string;
  /** How many metrics are stored under this id. */
  readonly metrics: number;
  readonly isDuplicate: boolean;
}

interface Context {
  readonly em: EntityManager;
  readonly caller: Caller;
  /** When the request came, UTC milliseconds. */
  readonly receivedAt: number;
  readonly services: IngestServices;
}

/** A machine that is deleted while its agent posts is registered anew, with the next try. */
const MAX_TRIES = 3;

/**
 * Stores what an agent has posted, once, whatever happens in between, and tells the machine's workflow when it came up.
 *
 * @throws ApiError 422 when the id was used for another batch, a metric was of another type, or the time is impossible
 */
export async function ingestMetrics(context: Context, posted: PostedBatch): Promise<IngestedBatch> {
  const store: Store = (batches) =>
    Promise.all(batches.map((batch) => queued(context.services.queue, batch)));
  const [ingested] = await ingest(context, [posted], store);
  if (ingested === undefined) throw new Error('unreachable: one batch has one outcome');
  return ingested;
}

/** @throws ApiError 503 when more waits for the database than it can store in some seconds */
async function queued(queue: IngestQueue, batch: BatchToStore): Promise<IngestOutcome> {
  try {
    return await queue.add(batch);
  } catch (error) {
    if (!(error instanceof QueueFullError)) throw error;
    throw unavailable('More metrics wait to be stored than the database takes: try again in a moment.', 5);
  }
}

/** The same for batches of many machines: all of them are stored, or none. */
export function ingestTogether(context: Context, posted: readonly PostedBatch[]): Promise<IngestedBatch[]> {
  const ingests = new IngestRepository(context.em);
  return ingest(context, posted, async (batches) => {
    try {
      return await ingests.storeTogether(batches);
    } catch (error) {
      if (error instanceof IngestRefusedError) return error.outcomes;
      throw error;
    }
  });
}

type Store = (batches: readonly BatchToStore[]) => Promise<readonly IngestOutcome[]>;

async function ingest(
  context: Context,
  posted: readonly PostedBatch[],
  store: Store,
): Promise<IngestedBatch[]> {
  refuseImpossibleTimes(context, posted);
  for (let tries = 1; ; tries += 1) {
    const prepared = await prepareAll(context, posted);
    const outcomes = await store(prepared.map(({ toStore }) => toStore));
    refuseConflicts(posted, outcomes);
    if (outcomes.every(({ kind }) => kind !== 'gone')) {
      context.services.teller.tell(
        prepared.flatMap(({ machine }, index) => (cameUp(outcomes[index]) ? [machine.id] : [])),
      );
      return Promise.all(prepared.map((one, index) => toIngested(context, one, outcomes[index])));
    }
    for (const { machine } of prepared)
      context.services.machines.forget(context.caller.clientId, machine.hostname);
    if (tries >= MAX_TRIES) throw new Error('The machine is deleted again and again while it posts.');
  }
}

interface Prepared {
  readonly ingestId: string;
  readonly machine: RegisteredMachine;
  readonly toStore: BatchToStore;
}

async function prepareAll(context: Context, posted: readonly PostedBatch[]): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  for (const one of posted) prepared.push(await prepare(context, one));
  return prepared;
}

async function prepare(context: Context, { batch, ingestId, loc, idLoc }: PostedBatch): Promise<Prepared> {
  const { caller, em, receivedAt, services } = context;
  const chosenId = ingestId ?? ownIngestId(caller.clientId, batch);
  const fingerprint = fingerprintOf(caller.clientId, chosenId, batch);
  let machine = services.machines.find(caller.clientId, batch);
  if (machine === null) {
    // What is refused must not leave new metrics behind.
    const stored = await new IngestRepository(em).find(fingerprint.id);
    if (stored !== null && stored.content !== fingerprint.content) throw idTaken(idLoc);
    machine = await register(context, batch, loc);
  }
  const { key: machineKey, metrics } = machine;
  const samples = batch.metrics.map(({ name, type, value }) => {
    const metricKey = metrics.get(name)?.key;
    if (metricKey === undefined) throw new Error(`The metric ${name} was registered and is not known.`);
    return { metricKey, type, value };
  });
  const at = measuredAt(batch.sentAt, receivedAt);
  return { ingestId: chosenId, machine, toStore: { ...fingerprint, machineKey, at, samples } };
}

async function register(
  { em, caller, services }: Context,
  batch: MetricBatch,
  loc: FieldIssue['loc'],
): Promise<RegisteredMachine> {
  try {
    const machine = await new MachineRegistry(em, caller).register(batch);
    services.machines.remember(caller.clientId, machine);
    return machine;
  } catch (error) {
    const { hostname } = batch.machine;
    if (error instanceof TooManyMetricsError) {
      const msg = `${hostname} would have more than ${error.limit} metrics: does a name hold something that changes, such as a time or an id?`;
      throw unprocessable([{ loc: [...loc, 'metrics'], msg, type: 'too_many_metrics' }]);
    }
    if (!(error instanceof TypeChangedError)) throw error;
    throw unprocessable(
      error.changed.map(({ index, was }) => ({
        loc: [...loc, 'metrics', index, 'type'],
        msg: `Input should be '${was}', as it was before: the type of a metric of ${hostname} never changes, send it under another name`,
        type: 'metric_type_changed',
      })),
    );
  }
}

async function toIngested(
  { em }: Context,
  { ingestId, machine, toStore }: Prepared,
  outcome: IngestOutcome | undefined,
): Promise<IngestedBatch> {
  if (outcome?.kind !== 'duplicate') {
    return { ingestId, machineId: machine.id, metrics: toStore.samples.length, isDuplicate: false };
  }
  const { machineKey, metrics } = outcome.stored;
  const storedFor =
    machineKey === machine.key ? machine.id : await new IngestRepository(em).machineId(machineKey);
  return { ingestId, machineId: storedFor ?? machine.id, metrics, isDuplicate: true };
}

function cameUp(outcome: IngestOutcome | undefined): boolean {
  return (outcome?.kind === 'accepted' || outcome?.kind === 'duplicate') && outcome.cameUp;
}

function refuseImpossibleTimes({ receivedAt }: Context, posted: readonly PostedBatch[]): void {
  const issues = posted.flatMap(
    ({ batch, loc }) => sentAtIssue(batch.sentAt, receivedAt, [...loc, 'sent_at']) ?? [],
  );
  if (issues.length > 0) throw unprocessable(issues);
}

function refuseConflicts(posted: readonly PostedBatch[], outcomes: readonly IngestOutcome[]): void {
  const taken = posted.filter((_, index) => outcomes[index]?.kind === 'conflict');
  if (taken.length > 0) throw unprocessable(taken.map(({ idLoc }) => idTakenIssue(idLoc)));
}

function idTaken(loc: FieldIssue['loc']) {
  return unprocessable([idTakenIssue(loc)]);
}

function idTakenIssue(loc: FieldIssue['loc']): FieldIssue {
  const msg = 'This id was used for another batch already: give each batch an id of its own';
  return { loc, msg, type: 'ingest_id_taken' };
}
