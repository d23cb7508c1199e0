import type { EntityManager } from '@mikro-orm/postgresql';
import { SettingsRepository, type Caller, type Settings } from '../../db/repositories/clients.ts';
import type { ApiDependencies } from '../dependencies.ts';

/**
 * Changes some settings. Another heartbeat threshold holds for all machines of the client at once: the sweep judges by
 * it and hands it to their workflows. When Temporal is away, the next sweep does.
 *
 * @param change what is absent stays as it is
 * @returns all settings
 */
export async function changeSettings({
  em,
  caller,
  change,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  change: Partial<Settings>;
  deps: Pick<ApiDependencies, 'machineHeartbeats'>;
}): Promise<Settings> {
  const { settings, isHeartbeatThresholdNew } = await new SettingsRepository(em, caller).update(change);
  if (isHeartbeatThresholdNew) await deps.machineHeartbeats.sweepNow();
  return settings;
}
