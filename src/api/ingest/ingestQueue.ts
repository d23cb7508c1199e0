import type { MikroORM } from '@mikro-orm/postgresql';
import { GroupCommit } from '../../db/groupCommit.ts';
import type { BatchToStore } from '../../db/repositories/ingestGroup.ts';
import { IngestRepository, type IngestOutcome } from '../../db/repositories/ingests.ts';

/** Metrics in one transaction: some 50 ms of Postgres. */
const MAX_METRICS_A_TRANSACTION = 3_000;
/** While one commits, the next one is on its way; the pool has others to serve. */
const TRANSACTIONS_AT_ONCE = 2;
/** Some seconds of what Postgres takes, and what a process can hold while it hangs. */
const MAX_METRICS_WAITING = 200_000;
/** A batch without metrics takes its ledger row and its machine. */
const WEIGHT_OF_A_BATCH = 5;

export type IngestQueue = GroupCommit<BatchToStore, IngestOutcome>;

/** Lets batches of many machines that come at the same time share a transaction. */
export function createIngestQueue(orm: MikroORM): IngestQueue {
  return new GroupCommit({
    commit: (batches) => new IngestRepository(orm.em.fork()).store(batches),
    weigh: ({ samples }) => WEIGHT_OF_A_BATCH + samples.length,
    maxWeight: MAX_METRICS_A_TRANSACTION,
    maxInFlight: TRANSACTIONS_AT_ONCE,
    maxWaitingWeight: MAX_METRICS_WAITING,
  });
}
