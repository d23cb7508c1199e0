import type { EntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../../db/repositories/clients.ts';
import { MachineRepository } from '../../db/repositories/machines.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../errors.ts';

/** Marks the row as unregistered, which frees its hostname, then retires the workflow. @throws ApiError 404 */
export async function deleteMachine({
  em,
  caller,
  id,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  id: string;
  deps: Pick<ApiDependencies, 'machineHeartbeats'>;
}): Promise<void> {
  const existed = await new MachineRepository(em, caller).delete(id);
  if (!existed) throw notFound('This machine');
  await deps.machineHeartbeats.retire(id);
}
