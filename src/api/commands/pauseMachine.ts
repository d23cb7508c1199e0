import type { EntityManager } from '@mikro-orm/postgresql';
import { SettingsRepository, type Caller } from '../../db/repositories/clients.ts';
import type { Machine } from '../../db/repositories/machineRow.ts';
import { MachineRepository } from '../../db/repositories/machines.ts';
import type { WatchedMachine } from '../../domain/heartbeat.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../errors.ts';

/**
 * Pauses or resumes a machine in its row, then tells its workflow. When Temporal is away the sweep does.
 *
 * @throws ApiError 404
 */
export async function pauseMachine({
  em,
  caller,
  id,
  isPaused,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  id: string;
  isPaused: boolean;
  deps: Pick<ApiDependencies, 'machineHeartbeats'>;
}): Promise<void> {
  const { heartbeatThresholdMinutes } = await new SettingsRepository(em, caller).get();
  const changed = await new MachineRepository(em, caller).setPaused(id, isPaused);
  if (changed === null) throw notFound('This machine');
  const { before, after } = changed;
  if (after.version > before.version) {
    await deps.machineHeartbeats.change(watched(after, heartbeatThresholdMinutes * 60));
  }
}

function watched(machine: Machine, thresholdSeconds: number): WatchedMachine {
  const { id, clientId, version, hostname, isPaused, status, episode } = machine;
  return {
    machineId: id,
    clientId,
    schedule: { version, hostname, isActive: !isPaused, thresholdSeconds },
    state: {
      status,
      episode,
      lastSeenAt: machine.lastSeenAt?.getTime() ?? null,
      lastStateChangeAt: machine.lastStateChangeAt?.getTime() ?? null,
    },
  };
}
