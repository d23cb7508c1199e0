import type { EntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../../db/repositories/clients.ts';
import { HttpTargetRepository } from '../../db/repositories/httpTargets.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../errors.ts';

/** Marks the row as deleted, which frees its URL, then retires the workflow. @throws ApiError 404 */
export async function deleteTarget({
  em,
  caller,
  id,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  id: string;
  deps: Pick<ApiDependencies, 'secrets' | 'targetWorkflows'>;
}): Promise<void> {
  const existed = await new HttpTargetRepository(em, caller, deps.secrets).delete(id);
  if (!existed) throw notFound('This HTTP target');
  await deps.targetWorkflows.retire(id);
}
