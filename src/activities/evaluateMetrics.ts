import {
  MAX_METRICS,
  type EvaluatedClient,
  type EvaluationRepository,
} from '../db/repositories/evaluation.ts';
import { sqlStateOf } from '../db/sqlState.ts';
import type { Clock } from '../domain/clock.ts';
import { beating, progress } from './beating.ts';
import type { EvaluatedShard, EvaluationActivities, EvaluationShard } from './contracts.ts';

interface EvaluationDeps {
  /** Not on a pool that others wait for: a statement may take seconds. */
  readonly evaluation: Pick<EvaluationRepository, 'clients' | 'evaluateChunk'>;
  readonly clock: Clock;
  readonly onFault: (error: unknown, clientId: string) => void;
}

/** A shard goes into the history: 36 bytes a client. */
const MAX_CLIENTS = 500;

/** What compares metrics with their thresholds. */
export function createEvaluationActivities(deps: EvaluationDeps): EvaluationActivities {
  return {
    listEvaluationShards: async () => packShards(await deps.evaluation.clients()),
    evaluateShard: (shard) => beating(() => evaluateShard({ ...deps, progress }, shard)),
  };
}

/** Clients with few metrics share a shard, and its transactions; a client is never in two. */
export function packShards(clients: readonly EvaluatedClient[]): EvaluationShard[] {
  const shards: { clientIds: string[]; metrics: number }[] = [];
  for (const { clientId, metrics } of clients) {
    const last = shards.at(-1);
    if (last !== undefined && last.metrics + metrics <= MAX_METRICS && last.clientIds.length < MAX_CLIENTS) {
      last.clientIds.push(clientId);
      last.metrics += metrics;
    } else shards.push({ clientIds: [clientId], metrics });
  }
  return shards;
}

/**
 * Evaluates some clients together, and where that fails each alone: one that fails keeps no other from it.
 *
 * @throws what the last of them threw, when all of them failed; at once when Postgres is away
 */
export async function evaluateShard(
  deps: EvaluationDeps & { readonly progress: () => void },
  { clientIds }: Pick<EvaluationShard, 'clientIds'>,
): Promise<EvaluatedShard> {
  if (clientIds.length > 1) {
    try {
      return await evaluateClients(deps, clientIds);
    } catch (error) {
      if (!isRefused(error)) throw error;
      // Whose fault it was is told below.
    }
  }
  let all = NOTHING;
  for (const clientId of clientIds) {
    try {
      all = sum(all, await evaluateClients(deps, [clientId]));
    } catch (error) {
      if (!isRefused(error)) throw error;
      deps.onFault(error, clientId);
      all = { ...all, failed: all.failed + 1 };
      if (all.failed === clientIds.length) throw error;
    }
  }
  return all;
}

/**
 * Whether Postgres answered, and refused: then the others may fare better. Its SQLSTATE says so, unless it is one of a
 * lost connection (08), of no room (53), of a shutdown (57P), or of too much to do: a statement that took too long (57014),
 * or a lock that did not come (55P03).
 */
function isRefused(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== null && !/^(08|53|57P|57014|55P03)/.test(state);
}

const NOTHING: EvaluatedShard = { metrics: 0, breached: 0, recovered: 0, stale: 0, failed: 0 };

async function evaluateClients(
  deps: EvaluationDeps & { readonly progress: () => void },
  clientIds: readonly string[],
): Promise<EvaluatedShard> {
  let all = NOTHING;
  for (let afterKey: number | null = 0; afterKey !== null;) {
    const { nextAfterKey, ...counts } = await deps.evaluation.evaluateChunk(
      clientIds,
      afterKey,
      deps.clock.now(),
    );
    all = sum(all, { ...counts, failed: 0 });
    afterKey = nextAfterKey;
    deps.progress();
  }
  return all;
}

function sum(a: EvaluatedShard, b: EvaluatedShard): EvaluatedShard {
  return {
    metrics: a.metrics + b.metrics,
    breached: a.breached + b.breached,
    recovered: a.recovered + b.recovered,
    stale: a.stale + b.stale,
    failed: a.failed + b.failed,
  };
}
