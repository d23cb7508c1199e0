import type { EntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../../db/repositories/clients.ts';
import type { Metric, Threshold } from '../../db/repositories/metricRow.ts';
import { MetricRepository } from '../../db/repositories/metrics.ts';
import type { ThresholdChange } from '../../db/repositories/thresholds.ts';
import { notFound } from '../errors.ts';

/**
 * Sets the default threshold of a metric, and whether it alerts. Evaluation finds the change by itself.
 *
 * @param change gives what is to be, or throws, and then nothing changes
 * @returns the metric as it is now, and whether it had a threshold before
 * @throws ApiError 404
 */
export async function setThreshold({
  em,
  caller,
  id,
  change,
}: {
  em: EntityManager;
  caller: Caller;
  id: string;
  change: (current: Metric) => ThresholdChange;
}): Promise<{ metric: Metric; threshold: Threshold; updated: boolean }> {
  const changed = await new MetricRepository(em, caller).changeThreshold(id, change);
  if (changed === null || changed.after.threshold === null) throw notFound('This metric');
  const { before, after } = changed;
  return { metric: after, threshold: changed.after.threshold, updated: before.threshold !== null };
}
