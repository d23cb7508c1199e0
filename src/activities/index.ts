import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { CheckRepository } from '../db/repositories/checks.ts';
import type { IngestRepository } from '../db/repositories/ingests.ts';
import type { PartitionRepository } from '../db/repositories/partitions.ts';
import type { WatchedTargetRepository } from '../db/repositories/watchedTargets.ts';
import type { Clock } from '../domain/clock.ts';
import type { AddressGuard } from '../net/addressGuard.ts';
import { checkTarget, type CheckTargetDeps } from './checkTarget.ts';
import type { Activities } from './contracts.ts';
import { loadSchedule } from './loadSchedule.ts';
import { reconcileTargets, type TargetWorkflowDirectory } from './reconcileTargets.ts';
import { recordChecks } from './recordChecks.ts';
import type { Recorder } from './recorder.ts';
import type { TargetCache } from './targetCache.ts';

interface ActivityDeps extends Pick<CheckTargetDeps, 'onChecked' | 'ownNetwork' | 'probes'> {
  /** Not on the recorder's pool: what is written late must not hold up what is written now. */
  readonly checks: CheckRepository;
  readonly ingests: Pick<IngestRepository, 'ensurePartitions'>;
  readonly partitions: Pick<PartitionRepository, 'ensureRollups'>;
  readonly recorder: Pick<Recorder, 'record'>;
  readonly watchedTargets: WatchedTargetRepository;
  /** Shared with the watches. */
  readonly targets: TargetCache;
  readonly workflows: TargetWorkflowDirectory;
  readonly installationId: string;
  readonly guard: AddressGuard;
  readonly clock: Clock;
  /** Told of what is wrong on our side. */
  readonly onFault: (error: unknown, targetId: string) => void;
}

/** How many days ahead the partitions of checks, samples and their rollups exist. */
const PARTITION_DAYS_AHEAD = 7;
const DAY_MS = 86_400_000;

/** What the workers do beside watching and storage; the one seam for what these activities depend on. */
export function createActivities(deps: ActivityDeps): Omit<Activities, 'watchTarget'> {
  return {
    checkTarget: (input) => checkTarget(deps, input),
    recordChecks: (input) => recordChecks(deps, input),
    loadSchedule: (targetId) => loadSchedule(deps, targetId),
    reconcileTargets: (input) => reconcileTargets({ ...deps, progress }, input),
    ensurePartitions: async () => {
      const days = Array.from(
        { length: PARTITION_DAYS_AHEAD + 1 },
        (_, day) => deps.clock.now() + day * DAY_MS,
      );
      await deps.checks.ensurePartitions(days);
      await deps.ingests.ensurePartitions(days);
      await deps.partitions.ensureRollups(days);
    },
  };
}

/** @throws when the activity is cancelled, or its worker shuts down */
function progress(): void {
  heartbeat();
  cancellationSignal().throwIfAborted();
}
