import { isCancellation, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { EvaluationActivities, EvaluationReport } from '../activities/contracts.ts';
import { describeEvaluation } from '../domain/evaluationWords.ts';

const { listEvaluationShards, evaluateShard } = proxyActivities<EvaluationActivities>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '30s',
  // Each try goes on where the last one stopped.
  retry: { maximumAttempts: 3, initialInterval: '1s', maximumInterval: '10s' },
});

/** Shards at once: Postgres has other things to do as well. */
const AT_ONCE = 2;

/**
 * Compares all metrics with their thresholds. A Schedule starts it; what it misses it does the next time, in order.
 * Where a shard fails, the others are evaluated all the same.
 */
export async function evaluation(): Promise<EvaluationReport> {
  const startedAt = Date.now();
  const shards = await listEvaluationShards();
  const clients = shards.reduce((sum, { clientIds }) => sum + clientIds.length, 0);
  const of = shards.reduce((sum, { metrics }) => sum + metrics, 0);
  const report = { clients, metrics: 0, breached: 0, recovered: 0, stale: 0, failed: 0 };
  const waiting = shards.values();
  const evaluateSome = async (): Promise<void> => {
    for (const shard of waiting) {
      try {
        const done = await evaluateShard(shard);
        for (const count of ['metrics', 'breached', 'recovered', 'stale', 'failed'] as const) {
          report[count] += done[count];
        }
      } catch (error) {
        if (isCancellation(error)) throw error;
        report.failed += shard.clientIds.length;
      }
      setCurrentDetails(describeEvaluation({ ...report, of, tookMs: Date.now() - startedAt }));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, evaluateSome));
  setCurrentDetails(describeEvaluation({ ...report, of: null, tookMs: Date.now() - startedAt }));
  return report;
}
