import type { WatchedTargetRepository } from '../db/repositories/watchedTargets.ts';
import type { TargetSchedule } from '../domain/schedule.ts';
import { scheduleOf } from '../db/workflowView.ts';
import { targetUnknown } from './targetUnknown.ts';

/**
 * The schedule of this moment: how a workflow whose signal was lost finds out.
 *
 * @returns null when the target is deleted
 * @throws TargetUnknown when it has no row at all
 */
export async function loadSchedule(
  deps: { readonly watchedTargets: WatchedTargetRepository },
  targetId: string,
): Promise<TargetSchedule | null> {
  const found = await deps.watchedTargets.lookUp(targetId);
  if (found.kind === 'unknown') throw targetUnknown(targetId);
  return found.kind === 'deleted' ? null : scheduleOf(found);
}
