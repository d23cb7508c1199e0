import { randomUUID } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { SettingsRepository, type Caller } from '../../db/repositories/clients.ts';
import type { TargetDefinition } from '../../db/repositories/httpTargetRow.ts';
import { HttpTargetRepository, UrlTakenError } from '../../db/repositories/httpTargets.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { urlTaken } from '../errors.ts';

/**
 * Writes the row, then starts the workflow. When Temporal is away the target exists all the same: the
 * reconcile Schedule starts what is missing.
 *
 * @returns the new target's id
 * @throws ApiError 409 when the client has this URL already
 */
export async function createTarget({
  em,
  caller,
  definition,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  definition: TargetDefinition;
  deps: Pick<ApiDependencies, 'secrets' | 'targetWorkflows'>;
}): Promise<string> {
  const { consecutiveFailuresThreshold } = await new SettingsRepository(em, caller).get();
  const targets = new HttpTargetRepository(em, caller, deps.secrets);
  try {
    const target = await targets.create(randomUUID(), definition);
    await deps.targetWorkflows.start({ target, failureThreshold: consecutiveFailuresThreshold });
    return target.id;
  } catch (error) {
    throw error instanceof UrlTakenError ? urlTaken(error.existingId) : error;
  }
}
