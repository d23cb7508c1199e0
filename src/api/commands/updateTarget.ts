import type { EntityManager } from '@mikro-orm/postgresql';
import { SettingsRepository, type Caller } from '../../db/repositories/clients.ts';
import type { TargetDefinition } from '../../db/repositories/httpTargetRow.ts';
import { HttpTargetRepository, UrlTakenError } from '../../db/repositories/httpTargets.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound, urlTaken } from '../errors.ts';

/**
 * Changes the row as it is at that moment, then hands a new version to the workflow.
 *
 * @param change gives the whole new definition, or throws, and then nothing changes
 * @throws ApiError 404, 409
 */
export async function updateTarget({
  em,
  caller,
  id,
  change,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  id: string;
  change: (current: TargetDefinition) => TargetDefinition;
  deps: Pick<ApiDependencies, 'secrets' | 'targetWorkflows'>;
}): Promise<void> {
  const { consecutiveFailuresThreshold } = await new SettingsRepository(em, caller).get();
  const targets = new HttpTargetRepository(em, caller, deps.secrets);
  try {
    const changed = await targets.update(id, change);
    if (changed === null) throw notFound('This HTTP target');
    const { before, after } = changed;
    // The workflow shows the name to ops, so it hears of a new one too.
    if (after.version > before.version || after.name !== before.name) {
      await deps.targetWorkflows.change(before, {
        target: after,
        failureThreshold: consecutiveFailuresThreshold,
      });
    }
  } catch (error) {
    throw error instanceof UrlTakenError ? urlTaken(error.existingId) : error;
  }
}
