import type { WatchedTargetRepository } from '../db/repositories/watchedTargets.ts';
import type { TargetSchedule } from '../domain/schedule.ts';
import { scheduleOf } from '../db/workflowView.ts';

/** The schedule of this moment: how a workflow whose signal was lost finds out. @returns null when deleted */
export async function loadSchedule(
  deps: { readonly watchedTargets: WatchedTargetRepository },
  targetId: string,
): Promise<TargetSchedule | null> {
  const watched = await deps.watchedTargets.find(targetId);
  return watched === null ? null : scheduleOf(watched);
}
