import type { LimitFunction } from 'p-limit';
import { QueueFullError } from '../../db/groupCommit.ts';
import type { BatchToStore } from '../../db/repositories/ingestGroup.ts';
import { IngestRefusedError, IngestRepository, type IngestOutcome } from '../../db/repositories/ingests.ts';
import { isRefusedData } from '../../db/sqlState.ts';
import { ApiError, unavailable, unprocessable } from '../errors.ts';
import type { HeartbeatTeller } from '../ingest/heartbeatTeller.ts';
import type { IngestHealth } from '../ingest/ingestHealth.ts';
import type { IngestQueue } from '../ingest/ingestQueue.ts';
import type { KnownMachines } from '../ingest/knownMachines.ts';
import {
  idTakenIssue,
  named,
  prepareBatch,
  refuseUnfit,
  type NamedBatch,
  type PostedBatch,
  type PreparedBatch,
  type PreparingContext,
} from '../ingest/prepareBatch.ts';
import { sentAtIssue } from '../ingest/timing.ts';

/** What ingest keeps in memory; one for each API process. */
export interface IngestServices {
  readonly queue: IngestQueue;
  /** For batches that have to be stored together, each in a transaction of its own. */
  readonly together: LimitFunction;
  readonly machines: KnownMachines;
  readonly teller: HeartbeatTeller;
  readonly health: IngestHealth;
}

export interface IngestedBatch {
  readonly ingestId: string;
  readonly machineId: string;
  /** How many metrics are stored under this id. */
  readonly metrics: number;
  readonly isDuplicate: boolean;
}

interface Context extends Pick<PreparingContext, 'em' | 'caller'> {
  readonly services: IngestServices;
}

type Store = (batches: readonly BatchToStore[]) => Promise<readonly IngestOutcome[]>;

/** A machine that is deleted while its agent posts is registered anew, with the next try. */
const MAX_TRIES = 3;
/** Requests of many machines that may wait: each holds some megabytes. */
const MAX_TOGETHER_WAITING = 20;
const RETRY_AFTER_SECONDS = 5;

/**
 * Stores what an agent has posted, once, whatever happens in between, and tells the machine's workflow when it came up.
 *
 * @throws ApiError 422 when the id was used for another batch, a metric was of another type, or the time is impossible;
 *   503 when more waits for the database than it can store in some seconds
 */
export async function ingestMetrics(context: Context, posted: PostedBatch): Promise<IngestedBatch> {
  const store: Store = (batches) => Promise.all(batches.map((batch) => context.services.queue.add(batch)));
  const [ingested] = await heard(context, [posted], store);
  if (ingested === undefined) throw new Error('unreachable: one batch has one outcome');
  return ingested;
}

/** The same for batches of many machines: all of them are stored, or none. */
export function ingestTogether(context: Context, posted: readonly PostedBatch[]): Promise<IngestedBatch[]> {
  const { em, services } = context;
  return heard(context, posted, (batches) => {
    if (services.together.pendingCount >= MAX_TOGETHER_WAITING) {
      throw new QueueFullError('Too many requests of many machines wait.');
    }
    return services.together(() => storedOrNone(new IngestRepository(em), batches));
  });
}

async function storedOrNone(
  ingests: IngestRepository,
  batches: readonly BatchToStore[],
): Promise<readonly IngestOutcome[]> {
  try {
    return await ingests.storeTogether(batches);
  } catch (error) {
    if (error instanceof IngestRefusedError) return error.outcomes;
    throw error;
  }
}

/** Whoever posts is alive, also where nothing of it can be stored; and where that is our own fault, nobody is silent. */
async function heard(
  context: Context,
  posted: readonly PostedBatch[],
  store: Store,
): Promise<IngestedBatch[]> {
  const { caller, em, services } = context;
  try {
    const ingested = await ingest(context, posted, store);
    services.health.committed();
    return ingested;
  } catch (error) {
    if (error instanceof ApiError && error.id === 'unprocessable') {
      const hostnames = posted.map(({ batch }) => batch.machine.hostname);
      services.teller.tell(await new IngestRepository(em).markSeen(caller.clientId, hostnames));
    } else if (!isRefusedData(error)) services.health.failed();
    if (!(error instanceof QueueFullError)) throw error;
    const detail = 'More metrics wait to be stored than the database takes: try again in a moment.';
    throw unavailable(detail, RETRY_AFTER_SECONDS);
  }
}

async function ingest(
  { em, caller, services }: Context,
  posted: readonly PostedBatch[],
  store: Store,
): Promise<IngestedBatch[]> {
  const preparing = { em, caller, machines: services.machines, receivedAt: services.health.now() };
  refuseImpossibleTimes(posted, preparing.receivedAt);
  const batches = posted.map((one) => named(preparing, one));
  refuseAtOdds(batches);
  for (let tries = 1; ; tries += 1) {
    await refuseUnfit(preparing, batches);
    const prepared: PreparedBatch[] = [];
    for (const batch of batches) prepared.push(await prepareBatch(preparing, batch));
    const outcomes = await store(prepared.map(({ toStore }) => toStore));
    refuseConflicts(posted, outcomes);
    if (outcomes.every(({ kind }) => kind !== 'gone')) {
      services.teller.tell(
        prepared.flatMap(({ machine }, index) => (cameUp(outcomes[index]) ? [machine.id] : [])),
      );
      return Promise.all(
        prepared.map((one, index) => toIngested(new IngestRepository(em), one, outcomes[index])),
      );
    }
    for (const { machine } of prepared) services.machines.forget(caller.clientId, machine.hostname);
    if (tries >= MAX_TRIES) throw new Error('The machine is deleted again and again while it posts.');
  }
}

async function toIngested(
  ingests: IngestRepository,
  { ingestId, machine, toStore }: PreparedBatch,
  outcome: IngestOutcome | undefined,
): Promise<IngestedBatch> {
  if (outcome?.kind !== 'duplicate') {
    return { ingestId, machineId: machine.id, metrics: toStore.samples.length, isDuplicate: false };
  }
  const { machineKey, metrics } = outcome.stored;
  const storedFor = machineKey === machine.key ? machine.id : await ingests.machineId(machineKey);
  return { ingestId, machineId: storedFor ?? machine.id, metrics, isDuplicate: true };
}

function cameUp(outcome: IngestOutcome | undefined): boolean {
  return (outcome?.kind === 'accepted' || outcome?.kind === 'duplicate') && outcome.cameUp;
}

function refuseImpossibleTimes(posted: readonly PostedBatch[], receivedAt: number): void {
  const issues = posted.flatMap(
    ({ batch, loc }) => sentAtIssue(batch.sentAt, receivedAt, [...loc, 'sent_at']) ?? [],
  );
  if (issues.length > 0) throw unprocessable(issues);
}

/** Batches of one request that contradict each other: nothing of them may be registered. */
function refuseAtOdds(batches: readonly NamedBatch[]): void {
  const contents = new Map<string, string>();
  const types = new Map<string, string>();
  const issues = batches.flatMap((posted) => {
    const { batch, fingerprint, loc } = posted;
    const first = contents.get(fingerprint.id) ?? fingerprint.content;
    contents.set(fingerprint.id, first);
    if (first !== fingerprint.content) return [idTakenIssue(posted)];
    return batch.metrics.flatMap(({ name, type }, index) => {
      const metric = JSON.stringify([batch.machine.hostname.toLowerCase(), name]);
      const was = types.get(metric) ?? type;
      types.set(metric, was);
      if (was === type) return [];
      const msg = `Input should be '${was}', as it is earlier in this request: the type of a metric never changes`;
      return [{ loc: [...loc, 'metrics', index, 'type'], msg, type: 'metric_type_changed' }];
    });
  });
  if (issues.length > 0) throw unprocessable(issues);
}

function refuseConflicts(posted: readonly PostedBatch[], outcomes: readonly IngestOutcome[]): void {
  const taken = posted.filter((_, index) => outcomes[index]?.kind === 'conflict');
  if (taken.length > 0) throw unprocessable(taken.map(idTakenIssue));
}
